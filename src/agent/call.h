/* System calls without libc. */
#ifndef TSRUN_CALL_H
#define TSRUN_CALL_H

#include <stdint.h>

#if defined(__x86_64__)
enum { NR_close = 3, NR_mmap = 9, NR_rt_sigaction = 13, NR_gettid = 186, NR_futex = 202, NR_exit_group = 231, NR_set_robust_list = 273,
       NR_clone3 = 435, NR_clock_gettime = 228 };

static inline int64_t call(int64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	int64_t result;
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
enum { NR_close = 57, NR_mmap = 222, NR_rt_sigaction = 134, NR_gettid = 178, NR_futex = 98, NR_exit_group = 94, NR_set_robust_list = 99,
       NR_clone3 = 435, NR_clock_gettime = 113 };

static inline int64_t call(int64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	register int64_t x8 __asm__("x8") = nr;
	register uint64_t x0 __asm__("x0") = a;
	register uint64_t x1 __asm__("x1") = b;
	register uint64_t x2 __asm__("x2") = c;
	register uint64_t x3 __asm__("x3") = d;
	register uint64_t x4 __asm__("x4") = e;
	register uint64_t x5 __asm__("x5") = f;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return (int64_t)x0;
}
#else
#error "tsrun's agent knows x86-64 and arm64"
#endif

#endif
