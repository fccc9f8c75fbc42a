// SPDX-License-Identifier: LGPL-2.1-or-later
//
// SPDX-FileCopyrightText: 2026 The codearena authors
//
// A Go program, whose runtime has handlers for most signals and makes panics of
// SIGSEGV, runs modules that trap through cgo. Panics work before, meanwhile and
// afterwards, and the runtime sees no trap of the modules: it would end the process
// for a SIGSEGV in foreign code.
//
// Usage: host-go device|memfd OBJECT TRACE
package main

/*
#include <stdlib.h>
#include "replay.h"
*/
import "C"

import (
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"
)

const before = 100

type node struct{ value int }

// Dereferences a nil pointer, and reports whether that was a panic.
func faults(of *node) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	of.value++
	return false
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintf(os.Stderr, "Usage: %s device|memfd OBJECT TRACE\n", os.Args[0])
		os.Exit(2)
	}
	var made, seen, stop atomic.Int64
	fault := func() {
		made.Add(1)
		if faults(nil) {
			seen.Add(1)
		}
	}
	for i := 0; i < before; i++ {
		fault()
	}
	done := make(chan bool)
	go func() {
		for stop.Load() == 0 {
			fault()
		}
		done <- true
	}()
	var words [3]*C.char
	for i := range words {
		words[i] = C.CString(os.Args[1+i])
		defer C.free(unsafe.Pointer(words[i]))
	}
	result := C.hosts_replay(words[0], words[1], words[2])
	stop.Store(1)
	<-done
	for i := 0; i < before; i++ {
		fault()
	}
	verdict, code := "ok", 0
	if result != 0 || made.Load() != seen.Load() || seen.Load() < 2*before {
		verdict, code = "WRONG", 1
	}
	fmt.Printf("host-go %s: %s: every nil pointer was a panic, and no trap was one\n",
		os.Args[1], verdict)
	os.Exit(code)
}
