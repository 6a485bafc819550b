/*
 * Makes one system call and prints what it returned: `probe NUMBER [ARGUMENT…]`, in decimal. `probe -32 NUMBER …`
 * makes it as an i386 program would, on x86-64. Freestanding: it makes no other calls but write and exit_group, so
 * that a filter need not allow any.
 */
#include <stdint.h>

#if defined(__x86_64__)
enum { NR_write = 1, NR_exit_group = 231 };

static int64_t call(int64_t nr, const uint64_t *a)
{
	int64_t result;
	register uint64_t r10 __asm__("r10") = a[3];
	register uint64_t r8 __asm__("r8") = a[4];
	register uint64_t r9 __asm__("r9") = a[5];
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

static int64_t call32(int64_t nr, const uint64_t *a)
{
	int64_t result;
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(nr), "b"(a[0]), "c"(a[1]), "d"(a[2])
			 : "r8", "r9", "r10", "r11", "memory");
	return (int32_t)result;
}

__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall start\n");
#elif defined(__aarch64__)
enum { NR_write = 64, NR_exit_group = 94 };

static int64_t call(int64_t nr, const uint64_t *a)
{
	register int64_t x8 __asm__("x8") = nr;
	register uint64_t x0 __asm__("x0") = a[0];
	register uint64_t x1 __asm__("x1") = a[1];
	register uint64_t x2 __asm__("x2") = a[2];
	register uint64_t x3 __asm__("x3") = a[3];
	register uint64_t x4 __asm__("x4") = a[4];
	register uint64_t x5 __asm__("x5") = a[5];
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return (int64_t)x0;
}

static int64_t call32(int64_t nr, const uint64_t *a)
{
	(void)nr, (void)a;
	return 0;
}

__asm__(".globl _start\n_start:\n\tmov x0, sp\n\tb start\n");
#endif

static uint64_t number(const char *text)
{
	uint64_t value = 0;
	while (*text)
		value = value * 10 + (uint64_t)(*text++ - '0');
	return value;
}

static void print(int64_t value)
{
	char text[32];
	char *at = text + sizeof text;
	uint64_t rest = value < 0 ? (uint64_t)-value : (uint64_t)value;
	*--at = '\n';
	do
		*--at = (char)('0' + rest % 10);
	while (rest /= 10);
	if (value < 0)
		*--at = '-';
	call(NR_write, (const uint64_t[6]){1, (uint64_t)at, (uint64_t)(text + sizeof text - at)});
}

__attribute__((used, noreturn)) void start(const int64_t *stack)
{
	int count = (int)stack[0];
	char *const *argv = (char *const *)(stack + 1);
	int is32 = count > 1 && argv[1][0] == '-';
	uint64_t a[7] = {0};
	for (int i = 0; i < 7 && 1 + is32 + i < count; i++)
		a[i] = number(argv[1 + is32 + i]);
	print(is32 ? call32((int64_t)a[0], a + 1) : call((int64_t)a[0], a + 1));
	for (;;)
		call(NR_exit_group, (const uint64_t[6]){0});
}
