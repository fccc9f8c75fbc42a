/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Tracepoints.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM codearena

#if !defined(CODEARENA_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define CODEARENA_TRACE_H

#include <linux/tracepoint.h>

#include <linux/codearena.h>

#define codearena_show_kind(kind)					\
	__print_symbolic(kind,						\
			 { CODEARENA_TRAP_MEMORY, "memory" },		\
			 { CODEARENA_TRAP_DIVIDE, "divide" },		\
			 { CODEARENA_TRAP_UNDEFINED, "undefined" })

TRACE_EVENT(trap_fixed,
	TP_PROTO(u32 kind, unsigned long pc, unsigned long address,
		 unsigned long landing),
	TP_ARGS(kind, pc, address, landing),
	TP_STRUCT__entry(
		__field(u32, kind)
		__field(unsigned long, pc)
		__field(unsigned long, address)
		__field(unsigned long, landing)
	),
	TP_fast_assign(
		__entry->kind = kind;
		__entry->pc = pc;
		__entry->address = address;
		__entry->landing = landing;
	),
	TP_printk("kind=%s pc=0x%lx address=0x%lx landing=0x%lx",
		  codearena_show_kind(__entry->kind), __entry->pc,
		  __entry->address, __entry->landing)
);

TRACE_EVENT(trap_missed,
	TP_PROTO(u32 kind, unsigned long pc, unsigned long address),
	TP_ARGS(kind, pc, address),
	TP_STRUCT__entry(
		__field(u32, kind)
		__field(unsigned long, pc)
		__field(unsigned long, address)
	),
	TP_fast_assign(
		__entry->kind = kind;
		__entry->pc = pc;
		__entry->address = address;
	),
	TP_printk("kind=%s pc=0x%lx address=0x%lx",
		  codearena_show_kind(__entry->kind), __entry->pc,
		  __entry->address)
);

#endif /* CODEARENA_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
