<?php
// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors

// Work for the JIT of opcache: hot functions, then four forked workers that share
// its buffer, compile more code into it, and run what the others compiled.

function fib($n) { return $n < 2 ? $n : fib($n - 1) + fib($n - 2); }

function work($kind, $rounds) {
	$sum = 0;
	for ($i = 0; $i < $rounds; $i++) {
		switch (($i + $kind) % 4) {
		case 0: $sum += $i * 3 % 7; break;
		case 1: $sum ^= $i << 1; break;
		case 2: $sum += strlen((string)$i); break;
		default: $sum += (int)sqrt($i);
		}
	}
	return $sum;
}

function a($x) { $s = 0; for ($i = 0; $i < 2000; $i++) $s += $x ^ $i; return $s; }
function b($x) { $s = 0.5; for ($i = 1; $i < 2000; $i++) $s += $x / $i; return round($s, 6); }
function c($x) { $s = ''; for ($i = 0; $i < 2000; $i++) $s = substr($s . chr(97 + ($i * $x) % 26), -20); return $s; }
function d($x) { $t = []; for ($i = 0; $i < 2000; $i++) $t[$i % 17] = ($t[$i % 17] ?? 0) + $x; return array_sum($t); }

echo fib(20), " ", work(0, 20000), "\n";
$workers = [];
for ($w = 0; $w < 4; $w++) {
	$pid = pcntl_fork();
	if ($pid == 0) {
		$names = ['a', 'b', 'c', 'd'];
		$line = "worker $w:";
		for ($k = 0; $k < 4; $k++) {
			$f = $names[($w + $k) % 4];
			for ($r = 0; $r < 60; $r++) $last = $f($r);
			$line .= " $f=$last";
		}
		$line .= " " . work($w, 30000) . " " . fib(16);
		file_put_contents("/tmp/worker.$w", $line);
		exit(0);
	}
	$workers[$w] = $pid;
}
foreach ($workers as $w => $pid) {
	pcntl_waitpid($pid, $status);
	echo file_get_contents("/tmp/worker.$w"), " status $status\n";
	unlink("/tmp/worker.$w");
}
echo work(2, 20000), "\n";
