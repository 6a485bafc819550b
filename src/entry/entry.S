/*
 * Where tsrun starts, before Bun does and has threads.
 *
 * The caller may have ignored SIGCHLD, which would lose the exit status of children, and blocked signals, which would
 * then never be forwarded. Both are undone. Only SIGSTKFLT and the real-time signals are blocked from here on: Bun cannot
 * catch them, and foreground.ts takes them itself.
 *
 * Bun ends at once when the working directory has no path: the path is longer than 4096 bytes, or the directory was
 * removed, as a shim's is when its pod's sandbox goes before the workloads. Then tsrun goes on in /proc, where a relative
 * path leads nowhere and no file can be made.
 *
 * Two things are noted in the auxiliary vector before Bun changes them, where getauxval(3) finds them. AT_FLAGS, which
 * nobody else reads, gets the soft limit of open files for rlimits.ts: Bun raises it, but containers get the caller's.
 * AT_CLKTCK, which libc has read by now, gets the set of open descriptors from 3 to 66 for caller-descriptors.ts.
 *
 * Before it asks about descriptors and limits, which Bun alone would change, client.c may hand the command over to a tsrun
 * that serves.
 *
 * Whoever jumps to Bun's own start leaves the registers that it reads as the dynamic loader did. patch.ts fills in its
 * address, and a number for this build; `_start` comes right behind these.
 */
	.globl build_id, _start
	.hidden build_id
	.section .text.entry, "ax"
bun:	.quad	0
build_id:
	.quad	0
_start:
#if defined(__x86_64__)
	push	%rdx
	sub	$4096, %rsp
	xor	%eax, %eax		/* a struct sigaction: SIG_DFL */
	mov	%rax, (%rsp)
	mov	%rax, 8(%rsp)
	mov	%rax, 16(%rsp)
	mov	%rax, 24(%rsp)
	mov	$13, %eax		/* rt_sigaction */
	mov	$17, %edi		/* SIGCHLD */
	mov	%rsp, %rsi
	xor	%edx, %edx
	mov	$8, %r10d
	syscall
	mov	$14, %eax		/* rt_sigprocmask */
	mov	$2, %edi		/* SIG_SETMASK */
	lea	blocked(%rip), %rsi
	syscall
	mov	$79, %eax		/* getcwd */
	mov	%rsp, %rdi
	mov	$4096, %esi
	syscall
	add	$4096, %rsp
	test	%rax, %rax		/* ENOENT, ENAMETOOLONG */
	jns	1f
	mov	$80, %eax		/* chdir */
	lea	proc(%rip), %rdi
	syscall
1:	mov	%rsp, %rbx
	lea	8(%rsp), %rdi		/* behind rdx: argc, argv, the environment */
	and	$-16, %rsp
	call	hand_over
	mov	%rbx, %rsp
	mov	$66, %edi
	mov	$1, %esi		/* F_GETFD */
2:	mov	$72, %eax		/* fcntl */
	syscall
	not	%rax
	add	%rax, %rax		/* the carry: 1 if this was no error */
	adc	%r8, %r8		/* the lowest bit is descriptor 3 */
	dec	%edi
	cmp	$2, %edi
	jne	2b
	push	$0			/* a struct rlimit64 */
	push	$0
	mov	$302, %eax		/* prlimit64 */
	xor	%edi, %edi
	mov	$7, %esi		/* RLIMIT_NOFILE */
	xor	%edx, %edx
	mov	%rsp, %r10
	syscall
	pop	%rcx
	pop	%rdi
	lea	16(%rsp), %rdi		/* behind rdx and argc: argv, the environment, struct auxv_t, each with a zero at its end */
3:	add	$8, %rdi
	cmpq	$0, -8(%rdi)
	jne	3b
4:	add	$8, %rdi
	cmpq	$0, -8(%rdi)
	jne	4b
5:	mov	(%rdi), %rsi
	add	$16, %rdi
	cmp	$8, %rsi		/* AT_FLAGS */
	jne	6f
	mov	%rcx, -8(%rdi)
6:	cmp	$17, %rsi		/* AT_CLKTCK */
	jne	7f
	mov	%r8, -8(%rdi)
7:	test	%rsi, %rsi		/* AT_NULL */
	jnz	5b
	pop	%rdx
	jmp	*bun(%rip)
#elif defined(__aarch64__)
	mov	x9, x0
	sub	sp, sp, #4096
	stp	xzr, xzr, [sp]		/* a struct sigaction: SIG_DFL */
	stp	xzr, xzr, [sp, #16]
	mov	x8, #134		/* rt_sigaction */
	mov	x0, #17			/* SIGCHLD */
	mov	x1, sp
	mov	x2, #0
	mov	x3, #8
	svc	#0
	mov	x8, #135		/* rt_sigprocmask */
	mov	x0, #2			/* SIG_SETMASK */
	adr	x1, blocked
	svc	#0
	mov	x8, #17			/* getcwd */
	mov	x0, sp
	mov	x1, #4096
	svc	#0
	add	sp, sp, #4096
	tbz	x0, #63, 1f		/* ENOENT, ENAMETOOLONG */
	mov	x8, #49			/* chdir */
	adr	x0, proc
	svc	#0
1:	mov	x19, x9
	mov	x0, sp
	bl	hand_over
	mov	x9, x19
	mov	x14, #66
2:	mov	x8, #25			/* fcntl */
	mov	x0, x14
	mov	x1, #1			/* F_GETFD */
	svc	#0
	mvn	x0, x0
	lsr	x0, x0, #63		/* 1 if this was no error */
	orr	x13, x0, x13, lsl #1	/* the lowest bit is descriptor 3 */
	sub	x14, x14, #1
	cmp	x14, #2
	b.ne	2b
	stp	xzr, xzr, [sp, #-16]!	/* a struct rlimit64 */
	mov	x8, #261		/* prlimit64 */
	mov	x0, #0
	mov	x1, #7			/* RLIMIT_NOFILE */
	mov	x2, #0
	mov	x3, sp
	svc	#0
	ldr	x10, [sp], #16
	add	x11, sp, #8		/* behind argc: argv, the environment, struct auxv_t, each with a zero at its end */
3:	ldr	x12, [x11], #8
	cbnz	x12, 3b
4:	ldr	x12, [x11], #8
	cbnz	x12, 4b
5:	ldr	x12, [x11], #16
	cmp	x12, #8			/* AT_FLAGS */
	b.ne	6f
	stur	x10, [x11, #-8]
6:	cmp	x12, #17		/* AT_CLKTCK */
	b.ne	7f
	stur	x13, [x11, #-8]
7:	cbnz	x12, 5b			/* AT_NULL */
	mov	x0, x9
	ldr	x16, bun
	br	x16
#endif
proc:	.asciz "/proc"
	.balign 8
blocked:
	.quad	0xfffffffe00008000
