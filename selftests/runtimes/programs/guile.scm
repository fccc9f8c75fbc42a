;; SPDX-License-Identifier: GPL-2.0-only
;; SPDX-FileCopyrightText: 2026 The codearena authors
;;
;; Work for Guile's JIT compiler.
(define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
(define (count-primes limit)
  (let loop ((n 2) (found 0))
    (if (> n limit) found
        (loop (+ n 1)
              (if (let test ((d 2)) (cond ((> (* d d) n) #t) ((zero? (remainder n d)) #f) (else (test (+ d 1)))))
                  (+ found 1) found)))))
(display (fib 20)) (newline)
(display (count-primes 3000)) (newline)
(display (apply + (map (lambda (x) (* x x)) (iota 3000)))) (newline)
