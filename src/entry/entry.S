/*
 * Where the kernel starts tsrun: entry.c does what there is to do before Bun, and before the dynamic loader. patch.ts fills
 * in what is at the beginning; `_start` comes right behind that.
 */
	.globl bun_start, build_id, interpreter
	.hidden bun_start, build_id, interpreter
	.section .text.entry, "ax"
bun_start:
	.quad	0		/* Bun's own start */
build_id:
	.quad	0		/* a number for this build */
interpreter:
	.quad	0		/* the path of the dynamic loader */
	.globl _start
_start:
#if defined(__x86_64__)
	mov	%rsp, %rbx
	mov	%rsp, %rdi
	and	$-16, %rsp
	call	enter
	mov	%rbx, %rsp
	xor	%edx, %edx	/* nothing for atexit(3) */
	jmp	*%rax
#elif defined(__aarch64__)
	mov	x19, sp
	mov	x0, sp
	bl	enter
	mov	x16, x0
	mov	sp, x19
	mov	x0, #0		/* nothing for atexit(3) */
	br	x16
#endif
