/*
 * Hands a command over to a tsrun that serves (`tsrun serve`), before Bun is started. When there is none, or it doesn't
 * take the command, Bun is started and does it.
 *
 *     this process                         tsrun serve
 *     hello: build id, this end's fd, ──▶  reads in /proc who this is and what it wants; compares
 *     what who may trace it can read
 *                                     ◀──  AGAIN: it listens only now, so that this process knew it by another pid
 *                                     ◀──  TAKEN: from here on it makes something; HELD: and signals wait
 *                                     ◀──  ANSWER: what to print, and the exit status
 *     or, where this process has to act itself, as the parent of a container's init:
 *                                     ◀──  MAILBOX, with a file
 *     runs the steps in there, as an agent, the last of which is its exit
 *
 * Nothing is waited for without end: a server that has not taken the command within PATIENCE has lost it, as it can't send
 * TAKEN any more after shutdown(2) here; and one that has died is seen by the end of the connection, or in the mailbox,
 * where the kernel notes it (life.ts).
 *
 * Freestanding and independent of its position; entry.c calls it. No heap, nothing but the stack.
 */
#include <linux/auxvec.h>
#include <linux/mman.h>
#include <linux/poll.h>
#include <linux/signal.h>
#include <linux/socket.h>
#include <linux/time_types.h>
#include <linux/uio.h>
#include <linux/un.h>
#include <linux/wait.h>
#include <stddef.h>

#define IN_CALLER
#include "../agent/steps.h"

#if defined(__x86_64__)
enum { NR_ppoll = 271, NR_rt_sigprocmask = 14, NR_socket = 41, NR_connect = 42, NR_sendto = 44, NR_recvmsg = 47,
       NR_getsockopt = 55, NR_wait4 = 61, NR_kill = 62, NR_geteuid = 107, NR_rt_sigtimedwait = 128, NR_write = 1,
       NR_read = 0, NR_openat = 257, NR_lseek = 8, NR_shutdown = 48 };
#else
enum { NR_ppoll = 73, NR_rt_sigprocmask = 135, NR_socket = 198, NR_connect = 203, NR_sendto = 206, NR_recvmsg = 212,
       NR_getsockopt = 209, NR_wait4 = 260, NR_kill = 129, NR_geteuid = 175, NR_rt_sigtimedwait = 137, NR_write = 64,
       NR_read = 63, NR_openat = 56, NR_lseek = 62, NR_shutdown = 210 };
#endif

/* Of the kernel's, which has no header for programs with them. */
enum { AF_UNIX_ = 1, SOCK_STREAM_ = 1, SOCK_NONBLOCK_ = 04000, SOCK_CLOEXEC_ = 02000000, SOL_SOCKET_ = 1, SO_PEERCRED_ = 17,
       SCM_RIGHTS_ = 1, MSG_NOSIGNAL_ = 0x4000, MSG_CMSG_CLOEXEC_ = 0x40000000 };
struct message {
	void *name;
	uint64_t name_length;
	struct iovec *parts;
	uint64_t part_count;
	void *control;
	uint64_t control_length;
	int32_t flags;
};
struct rights {
	uint64_t length;
	int32_t level, type, descriptor;
} __attribute__((packed)); /* no room for a second one */
struct credentials {
	int32_t pid;
	uint32_t uid, gid;
};

struct hello {
	uint64_t magic, build, connection;
	char proof[144];
};

/* Seconds until a command is taken back from a server that has not begun with it. */
#define PATIENCE 2
/* Fields of proc_pid_stat(5), from start_data to env_end, before the last one. */
#define PROVING 7
/* How often the server's life is looked at, in milliseconds. */
#define LOOK 100

/* The first byte of what the server says; protocol.ts has the same. */
enum { TAKEN = 't', HELD = 'h', ANSWER = 'a', MAILBOX = 'm', AGAIN = 'g' };
/* What `ask` returns in place of a descriptor. */
enum { REFUSED = -1, TOO_EARLY = -2 };
/* What follows ANSWER, and then the text for standard output and that for standard error. */
struct answer {
	int32_t status;
	uint32_t lengths[2];
};

/* Filled in by patch.ts: a number for this build. */
extern const uint64_t build_id __attribute__((visibility("hidden")));

/* The compiler may call these for what is set to zeros, and copied. */
__attribute__((visibility("hidden"))) void *memcpy(void *memory, const void *from, unsigned long length)
{
	for (char *byte = memory; length--; byte++, from = (const char *)from + 1)
		*(volatile char *)byte = *(const char *)from;
	return memory;
}

__attribute__((visibility("hidden"))) void *memset(void *memory, int value, unsigned long length)
{
	for (char *byte = memory; length--; byte++)
		*(volatile char *)byte = (char)value;
	return memory;
}

static int same(const char *text, const char *other)
{
	while (*text && *text == *other)
		text++, other++;
	return *text == *other;
}

/* The value of a variable whose name, with its "=", a string begins with; else 0. */
static const char *value_of(const char *entry, const char *name)
{
	while (*name && *entry == *name)
		entry++, name++;
	return *name ? 0 : entry;
}

/* Puts text at the end of a path of `length` bytes; returns the new length, or 0 when it doesn't fit. */
static uint64_t append(char *path, uint64_t length, uint64_t room, const char *text)
{
	for (; *text; text++) {
		if (length + 1 >= room)
			return 0;
		path[length++] = *text;
	}
	path[length] = 0;
	return length;
}

/* The server's socket: of root's, of a user's, or as $TSRUN_SERVE says; returns 0 for none. */
static uint64_t find_socket(const char *const *environment, uint32_t user, struct sockaddr_un *address)
{
	const char *directory = 0, *own = 0, *found;
	for (; *environment; environment++) {
		if ((found = value_of(*environment, "TSRUN_SERVE=")))
			own = found;
		if ((found = value_of(*environment, "XDG_RUNTIME_DIR=")))
			directory = found;
	}
	address->sun_family = AF_UNIX_;
	if (own && *own)
		return *own == '/' ? append(address->sun_path, 0, sizeof address->sun_path, own) : 0; /* "off" */
	if (user == 0)
		return append(address->sun_path, 0, sizeof address->sun_path, "/run/tsrun-serve.sock");
	if (!directory || *directory != '/')
		return 0;
	uint64_t length = append(address->sun_path, 0, sizeof address->sun_path, directory);
	return length ? append(address->sun_path, length, sizeof address->sun_path, "/tsrun-serve.sock") : 0;
}

/* A connection to a server of one's own user, whose pid is noted; negative where there is none. */
static int64_t connect_to(const struct sockaddr_un *address, uint32_t user, int32_t *server)
{
	struct credentials peer = { 0 };
	uint32_t size = sizeof peer;
	int64_t fd = call(NR_socket, AF_UNIX_, SOCK_STREAM_ | SOCK_NONBLOCK_ | SOCK_CLOEXEC_, 0, 0, 0, 0);
	/* A standard stream is closed: Bun opens the null device in its place. */
	if (fd > 2 && call(NR_connect, (uint64_t)fd, (uint64_t)address, sizeof *address, 0, 0, 0) == 0 &&
	    call(NR_getsockopt, (uint64_t)fd, SOL_SOCKET_, SO_PEERCRED_, (uint64_t)&peer, (uint64_t)&size, 0) == 0 &&
	    peer.uid == user) {
		*server = peer.pid;
		return fd;
	}
	if (fd >= 0)
		call(NR_close, (uint64_t)fd, 0, 0, 0, 0, 0);
	return -1;
}

static int is_readable(int64_t fd, int milliseconds)
{
	struct pollfd wanted = { .fd = (int)fd, .events = POLLIN };
	struct __kernel_timespec patience = { .tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L };
	return call(NR_ppoll, (uint64_t)&wanted, 1, milliseconds < 0 ? 0 : (uint64_t)&patience, 0, 8, 0) > 0;
}

/* The next byte, and a descriptor that comes with it; 0 at the end. */
static char next_byte(int64_t fd, int64_t *descriptor)
{
	char byte = 0;
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };
	struct rights rights = { 0 };
	struct message message = { .parts = &part, .part_count = 1, .control = &rights, .control_length = sizeof rights };
	*descriptor = -1;
	if (call(NR_recvmsg, (uint64_t)fd, (uint64_t)&message, MSG_CMSG_CLOEXEC_, 0, 0, 0) != 1)
		return 0;
	if (message.control_length == sizeof rights && rights.length == sizeof rights && rights.level == SOL_SOCKET_ &&
	    rights.type == SCM_RIGHTS_)
		*descriptor = rights.descriptor;
	return byte;
}

/* Fills memory with what comes; returns 0 when the connection ends before. */
static int fill(int64_t fd, char *memory, uint64_t length)
{
	while (length) {
		int64_t count = call(NR_read, (uint64_t)fd, (uint64_t)memory, length, 0, 0, 0);
		if (count == -EAGAIN)
			is_readable(fd, -1);
		else if (count <= 0)
			return 0;
		else
			memory += count, length -= (uint64_t)count;
	}
	return 1;
}

/* Writes it all, however slow the reader; returns 0 when there is none any more, or no room. */
static int print(int stream, const char *text, uint64_t length)
{
	struct pollfd wanted = { .fd = stream, .events = POLLOUT };
	while (length) {
		int64_t count = call(NR_write, (uint64_t)stream, (uint64_t)text, length, 0, 0, 0);
		if (count == -EAGAIN)
			call(NR_ppoll, (uint64_t)&wanted, 1, 0, 0, 8, 0);
		else if (count < 0)
			return 0;
		else
			text += count, length -= (uint64_t)count;
	}
	return 1;
}

static void complain(const char *text)
{
	uint64_t length = 0;
	while (text[length])
		length++;
	print(2, text, length);
}

__attribute__((noreturn)) static void end(int status)
{
	for (;;)
		call(NR_exit_group, (uint64_t)status, 0, 0, 0, 0, 0);
}

__attribute__((noreturn)) static void lost(void)
{
	complain("tsrun: error: the tsrun that served this command has died, or was too slow; what it has made is removed by `tsrun delete --force`\n");
	end(1);
}

/* Prints the answer as it comes, and exits. */
__attribute__((noreturn)) static void answer(int64_t fd)
{
	struct answer answer;
	char text[4096];
	if (!fill(fd, (char *)&answer, sizeof answer))
		lost();
	for (int stream = 1; stream <= 2; stream++)
		for (uint32_t left = answer.lengths[stream - 1]; left;) {
			uint32_t part = left < sizeof text ? left : (uint32_t)sizeof text;
			if (!fill(fd, text, part))
				lost();
			/* Nobody reads it any more: as SIGPIPE would end it. */
			if (!print(stream, text, part) && stream == 1)
				end(128 + SIGPIPE);
			left -= part;
		}
	end(answer.status);
}

/* Returns the signals that were blocked before. */
static uint64_t block(uint64_t signals)
{
	uint64_t before = 0;
	call(NR_rt_sigprocmask, 0 /* SIG_BLOCK */, (uint64_t)&signals, (uint64_t)&before, 8, 0, 0);
	return before;
}

/* Puts a number at the end of a path, and text behind it. */
static void append_number(char *path, uint64_t length, uint64_t room, uint32_t number, const char *text)
{
	char digits[12];
	uint64_t at = sizeof digits;
	digits[--at] = 0;
	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	length = append(path, length, room, digits + at);
	append(path, length, room, text);
}

/*
 * Reads at which addresses, chosen at random, the kernel has put the program that listens: PROVING fields of
 * proc_pid_stat(5), which are 0 for who may not trace it (ptrace(2)). So the kernel compares what both may do; a Landlock
 * domain shows nowhere else.
 */
static void read_proof(int32_t server, struct hello *hello)
{
	char path[24] = "/proc/", text[1024];
	append_number(path, 6, sizeof path, (uint32_t)server, "/stat");
	int64_t fd = call(NR_openat, (uint64_t)-100 /* AT_FDCWD */, (uint64_t)path, 02000000 /* O_CLOEXEC */, 0, 0, 0);
	if (fd < 0)
		return; /* the server notes why this process isn't served */
	int64_t end = call(NR_read, (uint64_t)fd, (uint64_t)text, sizeof text, 0, 0, 0), start;
	call(NR_close, (uint64_t)fd, 0, 0, 0, 0, 0);
	while (end > 0 && text[end - 1] != ' ')
		end--;
	start = end;
	for (int left = PROVING + 1; start > 0; start--)
		if (text[start - 1] == ' ' && --left == 0)
			break;
	for (uint64_t at = 0; at < sizeof hello->proof && start < end; at++)
		hello->proof[at] = text[start++];
}

/* Says hello, and does what the server says. Returns the descriptor of a mailbox file, or why there is none. */
static int64_t ask(int64_t fd, int32_t server)
{
	struct hello hello = { .magic = 0x3165767265737472 /* "rtserve1" */, .build = build_id, .connection = (uint64_t)fd };
	int64_t file;
	int is_taken = 0;
	read_proof(server, &hello);
	if (call(NR_sendto, (uint64_t)fd, (uint64_t)&hello, sizeof hello, MSG_NOSIGNAL_, 0, 0) != sizeof hello)
		return REFUSED;
	for (;;) {
		if (!is_readable(fd, is_taken ? -1 : PATIENCE * 1000))
			call(NR_shutdown, (uint64_t)fd, 2 /* SHUT_RDWR */, 0, 0, 0, 0);
		switch (next_byte(fd, &file)) {
		case HELD: /* until the end, or until there is a child in the foreground to pass them on to */
			block(~0ULL);
			/* fall through */
		case TAKEN:
			is_taken = 1;
			break;
		case ANSWER:
			answer(fd);
		case MAILBOX:
			if (file >= 0)
				return file;
			/* fall through */
		default:
			if (is_taken)
				lost();
			return REFUSED;
		case AGAIN:
			if (is_taken)
				lost();
			return TOO_EARLY;
		}
	}
}

/* The exit status of a process as shells give it. */
static int shell_status(int status)
{
	return (status & 0x7f) ? 128 + (status & 0x7f) : status >> 8 & 0xff;
}

/*
 * Passes signals on to a process of the container until that has ended, and returns its status, or exits with it as a
 * shell gives it.
 */
static int64_t foreground(int child, uint64_t signals, uint64_t exits)
{
	int status = 0;
	for (;;) {
		int64_t ended = call(NR_wait4, (uint64_t)child, (uint64_t)&status, WNOHANG, 0, 0, 0);
		if (ended < 0)
			return ended;
		if (ended == child && exits)
			end(shell_status(status));
		if (ended == child)
			return status;
		int64_t signal = call(NR_rt_sigtimedwait, (uint64_t)&signals, 0, 0, 8, 0, 0);
		if (signal > 0 && signal != SIGCHLD)
			call(NR_kill, (uint64_t)child, (uint64_t)signal, 0, 0, 0, 0);
	}
}

/* The server has gone. A container in the foreground didn't need it, and how that has ended is known. */
__attribute__((noreturn)) static void left_alone(struct mailbox *box)
{
	const struct step *step = &steps_of(box)[box->first];
	if (step->number != FOREGROUND || step->result < 0)
		lost();
	complain("tsrun: warning: the tsrun that served this command has ended before the container, which `tsrun delete` removes\n");
	end(shell_status((int)step->result));
}

/* Whether the server is gone by what the kernel has noted, or by the connection, on which it says nothing more. */
static int is_left(const struct mailbox *first, int64_t connection)
{
	return (__atomic_load_n(&first->keeper, __ATOMIC_ACQUIRE) & FUTEX_OWNER_DIED) || is_readable(connection, 0);
}

/* Blocks until tsrun posts a program. When the server dies, or lets go, the command is over, and a child that was cloned. */
static void wait_for_post(struct mailbox *box, uint32_t *seen, struct mailbox *first, int64_t connection, int is_child)
{
	const struct __kernel_timespec look = { .tv_nsec = LOOK * 1000000 };
	uint32_t post;
	while ((post = __atomic_load_n(&box->post, __ATOMIC_ACQUIRE)) == *seen) {
		call(NR_futex, (uint64_t)&box->post, FUTEX_WAIT, *seen, (uint64_t)&look, 0, 0);
		if (__atomic_load_n(&box->post, __ATOMIC_ACQUIRE) != *seen || !is_left(first, connection))
			continue;
		if (__atomic_load_n(&box->post, __ATOMIC_ACQUIRE) != *seen)
			continue; /* the last that it has posted comes first */
		if (is_child)
			end(1);
		left_alone(box);
	}
	*seen = post;
}

__attribute__((noreturn)) static void serve(struct mailbox *first, int64_t connection)
{
	struct mailbox *box = first;
	int is_child = 0;
	for (;;) {
		uint32_t mine = adopt(box), seen = 0;
		struct mailbox *next = box;
		while (next == box) {
			wait_for_post(box, &seen, first, connection, is_child);
			__atomic_store_n(&box->lock, mine, __ATOMIC_SEQ_CST);
			uint32_t thread = mine & FUTEX_TID_MASK;
			next = run(box);
			is_child |= (uint32_t)call(NR_gettid, 0, 0, 0, 0, 0, 0) != thread;
		}
		box = next;
	}
}

/* Maps the mailbox file; negative when it is none. Memory that a file is too short for can't be touched (SIGBUS). */
static int64_t map(int64_t file)
{
	if (call(NR_lseek, (uint64_t)file, 0, 2 /* SEEK_END */, 0, 0, 0) < MAILBOX_LEAST)
		return -1;
	return call(NR_mmap, MAILBOX_ADDRESS, MAILBOX_SPAN, 3 /* READ | WRITE */, 1 /* SHARED */ | MAP_FIXED_NOREPLACE, (uint64_t)file,
		    0);
}

/* Whether this program has more rights than who has called it (getauxval(3)): then the environment doesn't count. */
static int is_secure(const char *const *environment)
{
	while (*environment++)
		;
	for (const uint64_t *entry = (const uint64_t *)environment; entry[0] != AT_NULL; entry += 2)
		if (entry[0] == AT_SECURE)
			return entry[1] != 0;
	return 1;
}

/* Called by entry.c with the stack that the kernel has made. Returns when Bun is to do the command. */
__attribute__((visibility("hidden"))) void hand_over(const uint64_t *stack)
{
	const char *const *words = (const char *const *)(stack + 1);
	const char *const *environment = words + stack[0] + 1;
	uint32_t user = (uint32_t)call(NR_geteuid, 0, 0, 0, 0, 0, 0);
	struct sockaddr_un address = { 0 };
	int32_t server = 0;
	for (uint64_t index = 1; index < stack[0]; index++)
		if (same(words[index], "--no-serve"))
			return;
	if (is_secure(environment) || !find_socket(environment, user, &address))
		return;
	int64_t fd = connect_to(&address, user, &server);
	if (fd < 0)
		return;
	uint64_t before = block(1ULL << (SIGPIPE - 1));
	int64_t file = ask(fd, server);
	if (file == TOO_EARLY) {
		call(NR_close, (uint64_t)fd, 0, 0, 0, 0, 0);
		fd = connect_to(&address, user, &server);
		file = fd < 0 ? REFUSED : ask(fd, server);
	}
	if (file >= 0) {
		int64_t at = map(file);
		call(NR_close, (uint64_t)file, 0, 0, 0, 0, 0);
		if (at != (int64_t)MAILBOX_ADDRESS)
			lost();
		serve((struct mailbox *)MAILBOX_ADDRESS, fd);
	}
	if (fd >= 0)
		call(NR_close, (uint64_t)fd, 0, 0, 0, 0, 0);
	call(NR_rt_sigprocmask, 2 /* SIG_SETMASK */, (uint64_t)&before, 0, 8, 0, 0);
}
