/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Included in the middle of wasm2c's output, after its macros and before the
 * module's functions: removes checks of what the processor or a guard detects,
 * and distinguishes traps as the specification does.
 */

#ifdef __x86_64__
/*
 * The processor detects division by zero, in instructions that the compiler does
 * not know to fail. Division by a constant is the compiler's: it needs no division
 * instruction.
 */
#define WASM_DIV_KNOWN(y)	(__builtin_constant_p(y) && (y) != 0)

#define WASM_DEFINE_DIV(name, type, suffix, extend, high)		\
static inline type name##_quotient(type x, type y)			\
{									\
	type quotient = x, rest = high;					\
									\
	if (WASM_DIV_KNOWN(y))						\
		return x / y;						\
	__asm__ volatile(extend suffix " %2"				\
			 : "+a"(quotient), "+d"(rest)			\
			 : "r"(y) : "cc");				\
	return quotient;						\
}									\
									\
static inline type name##_rest(type x, type y)				\
{									\
	type quotient = x, rest = high;					\
									\
	if (WASM_DIV_KNOWN(y))						\
		return x % y;						\
	__asm__ volatile(extend suffix " %2"				\
			 : "+a"(quotient), "+d"(rest)			\
			 : "r"(y) : "cc");				\
	return rest;							\
}

WASM_DEFINE_DIV(wasm_u32, u32, "l", "div", 0)
WASM_DEFINE_DIV(wasm_u64, u64, "q", "div", 0)
WASM_DEFINE_DIV(wasm_s32, s32, "l", "idiv", x >> 31)
WASM_DEFINE_DIV(wasm_s64, s64, "q", "idiv", x >> 63)

/* The processor raises one exception for both: check for overflow here. */
#define WASM_DIV_S(ut, st, name, min, x, y)				\
	((st)(x) == (min) && (st)(y) == -1 ? (ut)TRAP(INT_OVERFLOW) :	\
	 (ut)name##_quotient((st)(x), (st)(y)))
#define WASM_REM_S(ut, st, name, x, y)					\
	((st)(y) == -1 ? (ut)0 : (ut)name##_rest((st)(x), (st)(y)))

#undef I32_DIV_S
#undef I64_DIV_S
#undef I32_REM_S
#undef I64_REM_S
#undef DIV_U
#undef REM_U
#define I32_DIV_S(x, y)	WASM_DIV_S(u32, s32, wasm_s32, INT32_MIN, x, y)
#define I64_DIV_S(x, y)	WASM_DIV_S(u64, s64, wasm_s64, INT64_MIN, x, y)
#define I32_REM_S(x, y)	WASM_REM_S(u32, s32, wasm_s32, x, y)
#define I64_REM_S(x, y)	WASM_REM_S(u64, s64, wasm_s64, x, y)
#define DIV_U(x, y)							\
	(sizeof(x) == 4 ? wasm_u32_quotient(x, y) : wasm_u64_quotient(x, y))
#define REM_U(x, y)							\
	(sizeof(x) == 4 ? wasm_u32_rest(x, y) : wasm_u64_rest(x, y))
#endif /* __x86_64__ */

/* Distinguish the reasons; the type check is one of them. */
#undef CALL_INDIRECT
#define CALL_INDIRECT(table, t, ft, x, ...)				\
	((LIKELY((x) < table.size) || TRAP(UNDEFINED_ELEMENT)),		\
	 (LIKELY(table.data[x].func) || TRAP(UNINITIALIZED_ELEMENT)),	\
	 (LIKELY(table.data[x].func_type == func_types[ft]) ||		\
	  TRAP(CALL_INDIRECT)),						\
	 ((t)table.data[x].func)(__VA_ARGS__))

/*
 * Nothing may be written if the end is out of bounds. A guard cannot ensure that
 * when a function moves several bytes.
 */
static inline void wasm_memory_range(const wasm_rt_memory_t *memory, u64 offset,
				     u64 length)
{
	if (UNLIKELY(offset + length > memory->size))
		wasm_rt_trap(WASM_RT_TRAP_MEMORY);
}

static inline void wasm_memory_fill(wasm_rt_memory_t *memory, u32 to, u32 value,
				    u32 length)
{
	wasm_memory_range(memory, to, length);
	wasm_rt_room();
	memset(memory->data + to, (u8)value, length);
}

static inline void wasm_memory_copy(wasm_rt_memory_t *to_memory,
				    const wasm_rt_memory_t *from_memory, u32 to,
				    u32 from, u32 length)
{
	wasm_memory_range(to_memory, to, length);
	wasm_memory_range(from_memory, from, length);
	wasm_rt_room();
	memmove(to_memory->data + to, from_memory->data + from, length);
}

static inline void wasm_memory_init(wasm_rt_memory_t *memory,
				    const u8 *segment, u32 segment_size, u32 to,
				    u32 from, u32 length)
{
	if (UNLIKELY((u64)from + length > segment_size))
		wasm_rt_trap(WASM_RT_TRAP_MEMORY);
	wasm_memory_range(memory, to, length);
	wasm_rt_room();
	if (length)
		memcpy(memory->data + to, segment + from, length);
}

#define memory_fill	wasm_memory_fill
#define memory_copy	wasm_memory_copy
#define memory_init	wasm_memory_init

#undef LOAD_DATA
#define LOAD_DATA(memory, to, from, length)				\
	wasm_memory_init(&(memory), from, length, to, 0, length)

/* For the glue: floating point numbers in words. */
static inline f32 wasm_f32_of(u64 word)
{
	u32 low = word;
	f32 value;

	memcpy(&value, &low, sizeof(value));
	return value;
}

static inline f64 wasm_f64_of(u64 word)
{
	f64 value;

	memcpy(&value, &word, sizeof(value));
	return value;
}

static inline u64 wasm_word_of_f32(f32 value)
{
	u32 word;

	memcpy(&word, &value, sizeof(word));
	return word;
}

static inline u64 wasm_word_of_f64(f64 value)
{
	u64 word;

	memcpy(&word, &value, sizeof(word));
	return word;
}
