/*
 * What tsrun does before Bun, and before the dynamic loader, whose work would be in vain for a command that is handed over
 * to a tsrun server (client.c). Bun's program header for its loader is hidden from the kernel for that; the loader is
 * mapped here as the kernel does it.
 *
 * The caller may have ignored SIGCHLD, which would lose the exit status of children, and blocked signals, which would
 * then never be forwarded. Both are undone. Only SIGSTKFLT and the real-time signals are blocked from here on: Bun cannot
 * catch them, and foreground.ts takes them itself.
 *
 * Bun ends at once when the working directory has no path: the path is longer than 4096 bytes, or the directory was
 * removed, as a shim's is when its pod's sandbox goes before the workloads. Then tsrun goes on in /proc, where a relative
 * path leads nowhere and no file can be made.
 *
 * Three things are noted before Bun changes them, where AT_FLAGS of the auxiliary vector (getauxval(3)), which nobody else
 * reads, points to: see kernel/entry-notes.ts.
 */
#include <linux/auxvec.h>
#include <linux/elf.h>
#include <linux/mman.h>
#include <linux/resource.h>
#include <linux/signal.h>
#include <stddef.h>

#include "../agent/call.h"

#if defined(__x86_64__)
enum { NR_openat = 257, NR_faccessat = 269, NR_chdir = 80, NR_fcntl = 72, NR_getcwd = 79, NR_prlimit64 = 302, NR_pread64 = 17, NR_rt_sigprocmask = 14,
       NR_write = 1, MACHINE = EM_X86_64 };
#else
enum { NR_openat = 56, NR_faccessat = 48, NR_chdir = 49, NR_fcntl = 25, NR_getcwd = 17, NR_prlimit64 = 261, NR_pread64 = 67, NR_rt_sigprocmask = 135,
       NR_write = 64, MACHINE = EM_AARCH64 };
#endif

enum { PAGE = 4096, MOST_HEADERS = 32, MOST_SEEN = 64, FIRST_FD = 3 };

/* Filled in by patch.ts. */
#pragma GCC visibility push(hidden)
extern const uint64_t bun_start, build_id;
extern const char *const interpreter;

void hand_over(const uint64_t *stack);
uint64_t enter(uint64_t *stack);
#pragma GCC visibility pop

/* What is noted, and a copy of the program headers that shows the loader its own: one page, which stays. */
struct notes {
	uint64_t open_files;	/* the soft limit, which Bun raises: containers get the caller's */
	uint64_t descriptors;	/* which are open, from 3 on: Bun opens its own, and makes the others close-on-exec */
	uint64_t build;
	Elf64_Phdr headers[MOST_HEADERS];
};

__attribute__((noreturn)) static void fail(const char *why)
{
	uint64_t length = 0;
	while (why[length])
		length++;
	call(NR_write, 2, (uint64_t)why, length, 0, 0, 0);
	for (;;)
		call(NR_exit_group, 127, 0, 0, 0, 0, 0);
}

static void set_signals(void)
{
	const struct sigaction usual = { 0 };
	const uint64_t blocked = 0xfffffffe00008000; /* SIGSTKFLT, the real-time ones */
	call(NR_rt_sigaction, SIGCHLD, (uint64_t)&usual, 0, 8, 0, 0);
	call(NR_rt_sigprocmask, 2 /* SIG_SETMASK */, (uint64_t)&blocked, 0, 8, 0, 0);
}

static void leave_lost_directory(void)
{
	char path[4096];
	if (call(NR_getcwd, (uint64_t)path, sizeof path, 0, 0, 0, 0) < 0) /* ENOENT, ENAMETOOLONG */
		call(NR_chdir, (uint64_t)"/proc", 0, 0, 0, 0, 0);
}

/* Without it Bun can't find the code that it is to run, and crashes. */
static void require_proc(void)
{
	if (call(NR_faccessat, (uint64_t)-100 /* AT_FDCWD */, (uint64_t)"/proc/self/exe", 0 /* F_OK */, 0, 0, 0) < 0)
		fail("tsrun: error: /proc/self/exe: there is no procfs at /proc: mount one there (mount -t proc proc /proc)\n");
}

static struct notes *take_notes(void)
{
	struct { uint64_t soft, hard; } limit = { 0 };
	struct notes *notes = (struct notes *)call(NR_mmap, 0, sizeof *notes, 3 /* READ | WRITE */, 0x22 /* PRIVATE | ANONYMOUS */, (uint64_t)-1, 0);
	if ((uint64_t)notes >= (uint64_t)-4095)
		fail("tsrun: error: there is no memory for a page\n");
	call(NR_prlimit64, 0, RLIMIT_NOFILE, 0, (uint64_t)&limit, 0, 0);
	notes->open_files = limit.soft;
	for (int seen = 0; seen < MOST_SEEN; seen++)
		if (call(NR_fcntl, (uint64_t)(FIRST_FD + seen), 1 /* F_GETFD */, 0, 0, 0, 0) >= 0)
			notes->descriptors |= 1ULL << seen;
	notes->build = build_id;
	return notes;
}

static uint64_t page_down(uint64_t address)
{
	return address & -(uint64_t)PAGE;
}

static uint64_t page_up(uint64_t address)
{
	return page_down(address + PAGE - 1);
}

/* Maps a segment; what it has beyond the file's content is zeros. */
static void map_segment(int64_t fd, uint64_t base, const Elf64_Phdr *segment)
{
	uint64_t from = base + page_down(segment->p_vaddr), end = base + segment->p_vaddr + segment->p_memsz;
	uint64_t content = base + segment->p_vaddr + segment->p_filesz;
	uint64_t protection = (segment->p_flags & PF_R ? 1 : 0) | (segment->p_flags & PF_W ? 2 : 0) | (segment->p_flags & PF_X ? 4 : 0);
	int64_t at = call(NR_mmap, from, content - from, protection, 0x12 /* PRIVATE | FIXED */, (uint64_t)fd, page_down(segment->p_offset));
	if (at != (int64_t)from)
		fail("tsrun: error: the dynamic loader can't be mapped\n");
	if (end == content)
		return;
	for (volatile char *byte = (char *)content; (uint64_t)byte < page_up(content); byte++)
		*byte = 0;
	if (page_up(end) > page_up(content))
		call(NR_mmap, page_up(content), page_up(end) - page_up(content), protection, 0x32 /* PRIVATE | FIXED | ANONYMOUS */, (uint64_t)-1, 0);
}

/* Maps the dynamic loader; returns its start, and where it is. */
static uint64_t map_interpreter(uint64_t *base)
{
	struct { Elf64_Ehdr file; Elf64_Phdr segments[MOST_HEADERS]; } head;
	uint64_t end = 0;
	int64_t fd = call(NR_openat, (uint64_t)-100 /* AT_FDCWD */, (uint64_t)interpreter, 02000000 /* O_CLOEXEC */, 0, 0, 0);
	if (fd < 0 || call(NR_pread64, (uint64_t)fd, (uint64_t)&head, sizeof head, 0, 0, 0) < (int64_t)sizeof head.file ||
	    *(uint32_t *)head.file.e_ident != 0x464c457f /* ELF */ || head.file.e_machine != MACHINE || head.file.e_type != ET_DYN ||
	    head.file.e_phoff != sizeof head.file || head.file.e_phnum > MOST_HEADERS)
		fail("tsrun: error: there is no dynamic loader of glibc, such as /lib64/ld-linux-x86-64.so.2\n");
	for (int i = 0; i < head.file.e_phnum; i++)
		if (head.segments[i].p_type == PT_LOAD)
			end = page_up(head.segments[i].p_vaddr + head.segments[i].p_memsz);
	*base = (uint64_t)call(NR_mmap, 0, end, 0 /* NONE */, 0x22 /* PRIVATE | ANONYMOUS */, (uint64_t)-1, 0);
	if (*base >= (uint64_t)-4095)
		fail("tsrun: error: there is no memory for the dynamic loader\n");
	for (int i = 0; i < head.file.e_phnum; i++)
		if (head.segments[i].p_type == PT_LOAD)
			map_segment(fd, *base, &head.segments[i]);
	call(NR_close, (uint64_t)fd, 0, 0, 0, 0, 0);
	return *base + head.file.e_entry;
}

/* The program's headers as they were before patch.ts hid the loader's. Its own place would tell a wrong one of the program. */
static void copy_headers(struct notes *notes, const Elf64_Phdr *headers, uint64_t count)
{
	for (uint64_t i = 0; i < count && i < MOST_HEADERS; i++) {
		notes->headers[i] = headers[i];
		if (headers[i].p_type == PT_PHDR)
			notes->headers[i].p_type = PT_NULL;
		if (headers[i].p_vaddr == (uint64_t)interpreter)
			notes->headers[i].p_type = PT_INTERP;
	}
}

/* Called with the stack that the kernel has made. Returns where to go on. */
uint64_t enter(uint64_t *stack)
{
	uint64_t base = 0, count = 0, *place = stack + 1 + stack[0] + 1;
	const Elf64_Phdr *headers = 0;
	set_signals();
	leave_lost_directory();
	hand_over(stack);
	require_proc();
	struct notes *notes = take_notes();
	uint64_t start = map_interpreter(&base);
	while (*place++)
		; /* the environment */
	for (uint64_t *pair = place; pair[0] != AT_NULL; pair += 2) {
		if (pair[0] == AT_PHNUM)
			count = pair[1];
		if (pair[0] == AT_PHDR)
			headers = (const Elf64_Phdr *)pair[1];
	}
	copy_headers(notes, headers, count);
	for (uint64_t *pair = place; pair[0] != AT_NULL; pair += 2) {
		if (pair[0] == AT_PHDR)
			pair[1] = (uint64_t)notes->headers;
		if (pair[0] == AT_BASE)
			pair[1] = base;
		if (pair[0] == AT_ENTRY)
			pair[1] = bun_start;
		if (pair[0] == AT_FLAGS)
			pair[1] = (uint64_t)notes;
	}
	return start;
}
