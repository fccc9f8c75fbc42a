;; SPDX-License-Identifier: GPL-2.0-only
;; SPDX-FileCopyrightText: 2026 The codearena authors
;;
;; Work for SBCL: its compiler, garbage collections, code that is moved.
(defun fib (n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
(compile 'fib)
(print (fib 22))
(dotimes (i 40)
  (let ((f (compile nil `(lambda (x) (loop for k below 100 sum (logxor k (+ x ,i)))))))
    (when (zerop (mod i 10)) (gc :full t))
    (when (= i 39) (print (funcall f 5)))))
(let ((garbage nil)) (dotimes (i 200000) (push (make-array 10) garbage) (when (zerop (mod i 1000)) (setf garbage nil))))
(print (fib 18))
(terpri)
