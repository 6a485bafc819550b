/*
 * Hands a command over to a tsrun server (`tsrun serve`), before Bun is started. When there is none, or it doesn't
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
#include <linux/un.h>

#include "served.h"
#include "look.h"
#include "streams.h"
#include "text.h"

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

/* Ends as src/cli/output/output.ts does: as SIGPIPE would, where nobody reads any more, or with a line. */
__attribute__((noreturn)) static void unprinted(int64_t error)
{
	if (error == -EPIPE)
		end(128 + SIGPIPE);
	complain("tsrun: error: standard output: cannot be written");
	complain(error == -ENOSPC ? ": ENOSPC (no space left)\n" : "\n");
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
			int64_t error = print(stream, text, part);
			if (error && stream == 1)
				unprinted(error);
			left -= part;
		}
	end(answer.status);
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
	look_first(stack[0], words);
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
