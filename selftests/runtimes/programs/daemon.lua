-- SPDX-License-Identifier: GPL-2.0-only
-- SPDX-FileCopyrightText: 2026 The codearena authors
--
-- A daemon in LuaJIT: it closes all descriptors and changes its root before its first
-- trace is compiled.

jit.off()
local ffi = require "ffi"
ffi.cdef [[
int close(int);
int mkdir(const char *, unsigned int);
int chroot(const char *);
int chdir(const char *);
]]

for fd = 3, 4095 do ffi.C.close(fd) end
ffi.C.mkdir("/tmp/empty", 448)
assert(ffi.C.chroot("/tmp/empty") == 0 and ffi.C.chdir("/") == 0)
assert(not io.open("/dev/codearena") and not io.open("/proc/self/maps"))

jit.on()
local sum = 0
for i = 1, 3000000 do sum = (sum * 31 + i) % 65521 end
for i = 1, 100 do
	local f = loadstring("local s = " .. i .. " for k = 1, 80 do s = s + k end return s")
	sum = sum + f()
end
print(jit.status(), sum)
