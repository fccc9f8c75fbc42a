-- SPDX-License-Identifier: GPL-2.0-only
-- SPDX-FileCopyrightText: 2026 The codearena authors
--
-- The work of a request: loops that all requests share, and one of its own, which is
-- compiled while other requests wait.

local function orbit(n)
	local x = n
	for i = 1, 2000 do x = (x * 31 + i) % 65521 end
	return x
end

local function words(n)
	local t = {}
	for i = 1, 100 do t[i] = string.char(97 + (i * n) % 26) end
	return table.concat(t):sub(1, 12)
end

return function(n)
	local own = loadstring("local s = " .. n .. " for k = 1, 300 do s = s + k % " ..
		(n % 7 + 2) .. " end return s")
	return string.format("%d %d %s %d", n, orbit(n), words(n), own())
end
