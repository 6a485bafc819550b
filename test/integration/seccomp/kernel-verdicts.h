/* What kernel-verdicts.c does in its own way on each architecture: calls, and what a tracer changes of them. */

int64_t call64(uint64_t number, const uint64_t *args);
int64_t call32(uint64_t number, const uint64_t *args);

/* SIGTRAP, from where `go_on` goes on; and SIGILL for ever. */
#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#define STOP() __asm__ volatile("int3")
#define END() __asm__ volatile("ud2")

__asm__(".text\n"
	"call64:\n"
	"	mov %rdi, %rax\n"
	"	mov (%rsi), %rdi\n"
	"	mov 16(%rsi), %rdx\n"
	"	mov 24(%rsi), %r10\n"
	"	mov 32(%rsi), %r8\n"
	"	mov 40(%rsi), %r9\n"
	"	mov 8(%rsi), %rsi\n"
	"	syscall\n"
	"	ret\n"
	"call32:\n"
	"	push %rbx\n"
	"	push %rbp\n"
	"	mov %rdi, %rax\n"
	"	mov (%rsi), %rbx\n"
	"	mov 8(%rsi), %rcx\n"
	"	mov 16(%rsi), %rdx\n"
	"	mov 32(%rsi), %rdi\n"
	"	mov 40(%rsi), %rbp\n"
	"	mov 24(%rsi), %rsi\n"
	"	int $0x80\n"
	"	pop %rbp\n"
	"	pop %rbx\n"
	"	ret\n");

/* Leaves out the call that a filter has stopped; it returns 0. */
static void leave_out(pid_t child)
{
	struct user_regs_struct registers;
	if (ptrace(PTRACE_GETREGS, child, 0, &registers))
		fail("PTRACE_GETREGS");
	registers.orig_rax = -1;
	registers.rax = 0;
	if (ptrace(PTRACE_SETREGS, child, 0, &registers))
		fail("PTRACE_SETREGS");
}

static void go_on(pid_t child)
{
	(void)child; /* int3 is a trap: it is behind it already */
}

/* Goes on behind the instruction of a 32-bit call. */
static void skip_fault(pid_t child)
{
	struct user_regs_struct registers;
	if (ptrace(PTRACE_GETREGS, child, 0, &registers))
		fail("PTRACE_GETREGS");
	registers.rip += 2;
	if (ptrace(PTRACE_SETREGS, child, 0, &registers))
		fail("PTRACE_SETREGS");
}
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#define STOP() __asm__ volatile("brk 0")
#define END() __asm__ volatile("udf 0")

/* A 64-bit program has no way to make a 32-bit call: it faults as it would where the kernel has none. */
__asm__(".text\n"
	"call64:\n"
	"	mov x8, x0\n"
	"	mov x9, x1\n"
	"	ldp x0, x1, [x9]\n"
	"	ldp x2, x3, [x9, 16]\n"
	"	ldp x4, x5, [x9, 32]\n"
	"	svc 0\n"
	"	ret\n"
	"call32:\n"
	"	mov x9, 0\n"
	"	str xzr, [x9]\n"
	"	ret\n");

static void set(pid_t child, int kind, void *registers, size_t size)
{
	struct iovec vector = {registers, size};
	if (ptrace(PTRACE_SETREGSET, child, kind, &vector))
		fail("PTRACE_SETREGSET");
}

static struct user_regs_struct registers_of(pid_t child)
{
	struct user_regs_struct registers;
	struct iovec vector = {&registers, sizeof registers};
	if (ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &vector))
		fail("PTRACE_GETREGSET");
	return registers;
}

static void leave_out(pid_t child)
{
	int none = -1;
	set(child, NT_ARM_SYSTEM_CALL, &none, sizeof none);
	struct user_regs_struct registers = registers_of(child);
	registers.regs[0] = 0;
	set(child, NT_PRSTATUS, &registers, sizeof registers);
}

static void go_on(pid_t child)
{
	struct user_regs_struct registers = registers_of(child);
	registers.pc += 4;
	set(child, NT_PRSTATUS, &registers, sizeof registers);
}

static void skip_fault(pid_t child)
{
	go_on(child);
}
#endif
