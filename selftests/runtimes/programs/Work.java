// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
//
// Work for HotSpot: four threads, implicit null checks, a loop that deoptimises.
public class Work {
	interface Shape { int area(); }
	record Square(int side) implements Shape { public int area() { return side * side; } }
	record Line(int length) implements Shape { public int area() { return 0; } }
	record Box(int a, int b) implements Shape { public int area() { return a * b; } }

	static int total(Shape[] shapes) {
		int sum = 0;
		for (Shape shape : shapes) {
			try {
				sum += shape.area();
			} catch (NullPointerException e) {
				sum--;
			}
		}
		return sum;
	}

	static long run(int seed) {
		Shape[] shapes = new Shape[64];
		long sum = 0;
		for (int round = 0; round < 3000; round++) {
			for (int i = 0; i < shapes.length; i++)
				shapes[i] = round > 2000 && i % 5 == 0 ? new Box(i, seed)
					: round > 1000 && i % 3 == 0 ? new Line(i) : new Square(i);
			if (round % 50 == 49)
				shapes[7] = null;
			sum += total(shapes);
		}
		return sum;
	}

	public static void main(String[] args) throws Exception {
		long[] sums = new long[4];
		Thread[] threads = new Thread[4];
		for (int i = 0; i < 4; i++) {
			int k = i;
			threads[i] = new Thread(() -> sums[k] = run(k));
			threads[i].start();
		}
		for (Thread thread : threads)
			thread.join();
		for (long sum : sums)
			System.out.println(sum);
	}
}
