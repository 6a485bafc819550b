/*
 * client.c with anything around it: any arguments and environment, and a server that says anything.
 *
 *     fuzz-client CASES SEED
 *
 * System calls are this file's: descriptors are counted, exiting jumps back, memory that a call is given is touched, so that
 * sanitizers see a wrong pointer or length. Prints how often each end came.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "fuzzed-call.h"

void hand_over(const uint64_t *stack);
const uint64_t build_id = 7;

static uint64_t state;
static uint32_t chance(uint32_t among)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % among;
}

enum { CONNECTION = 3, STAT, FILE_ };
static jmp_buf exited;
static int is_open[8], has_said, said;
static uint64_t mask, expected_mask;
static uint32_t user;
static const char *expected_path;

/* Looks at all of what a call reads. */
static void touch(uint64_t memory, uint64_t length)
{
	static volatile char sum;
	for (const char *byte = (const char *)memory; length--; byte++)
		sum += *byte;
}

/* Something for a call to read: words of the protocol, text of proc, anything. */
static uint64_t give(int fd, char *memory, uint64_t room)
{
	static const char stat[] = "1 (tsrun serve) ) S 0 1 2 3 94000000000000 94000000000001 140000000000000 0 0\n";
	uint64_t length = 1 + chance((uint32_t)(room < 64 || chance(2) == 0 ? room : 64));
	uint32_t spaces = 2 + chance(200);
	for (uint64_t i = 0; i < length; i++)
		memory[i] = fd == STAT && spaces < 100 ? stat[i % (sizeof stat - 1)] : fd == STAT ? "1 "[chance(spaces) == 0] : (char)chance(chance(3) ? 4 : 256);
	return length;
}

static int64_t receive(struct msghdr *message)
{
	static const char words[] = { 't', 'h', 'a', 'm', 'g', 'n', 0, 'x' };
	if (chance(8) == 0)
		return chance(2) ? 0 : -(int64_t)chance(133);
	*(char *)message->msg_iov->iov_base = ++said > 64 ? 'n' : words[chance(sizeof words)];
	has_said = 1;
	uint64_t room = message->msg_controllen;
	assert(room == 20);
	message->msg_controllen = chance(3) ? 0 : chance(3) ? room : chance((uint32_t)room + 1);
	if (message->msg_controllen) {
		struct rights {
			uint64_t length;
			int32_t level, type, descriptor;
		} __attribute__((packed)) rights = { .length = chance(4) ? sizeof rights : chance(64), .level = (int)chance(3), .type = (int)chance(3),
					 .descriptor = chance(4) ? FILE_ : (int32_t)chance(~0u) };
		memcpy(message->msg_control, &rights, message->msg_controllen);
		is_open[FILE_] |= message->msg_controllen == sizeof rights && rights.length == sizeof rights && rights.level == 1 &&
				  rights.type == 1 && rights.descriptor == FILE_;
	}
	return 1;
}

static int64_t connects(const struct sockaddr_un *address)
{
	touch((uint64_t)address, sizeof *address);
	assert(address->sun_family == 1 && address->sun_path[0] == '/');
	assert(expected_path && strcmp(address->sun_path, expected_path) == 0);
	return chance(8) ? 0 : -ECONNREFUSED;
}

static int64_t transfer(int64_t nr, uint64_t fd, uint64_t memory, uint64_t length)
{
	if (nr != SYS_read)
		touch(memory, length);
	if (chance(6) == 0)
		return chance(2) ? -EAGAIN : chance(2) ? -EINTR : 0;
	return nr == SYS_read ? (int64_t)give((int)fd, (char *)memory, length) : (int64_t)(1 + chance((uint32_t)length));
}

int64_t call(int64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	(void)e, (void)f;
	if (nr == NR_close) {
		if (a < 8)
			is_open[a]--;
		return 0;
	}
	if (nr == NR_exit_group)
		longjmp(exited, 1);
	if (nr == SYS_geteuid)
		return user;
	if (nr == SYS_socket) {
		if (chance(16) == 0)
			return -EMFILE;
		return is_open[CONNECTION]++, CONNECTION;
	}
	if (nr == SYS_connect)
		return connects((const struct sockaddr_un *)b);
	if (nr == SYS_getsockopt) {
		struct ucred *peer = (struct ucred *)d;
		peer->pid = chance(3) ? (int32_t)chance(~0u) : 0;
		peer->uid = chance(4) ? user : 5;
		return 0;
	}
	if (nr == SYS_openat) {
		assert(strlen((const char *)b) < 24 && strncmp((const char *)b, "/proc/", 6) == 0);
		return chance(8) ? (is_open[STAT]++, STAT) : -ENOENT;
	}
	if (nr == SYS_sendto) {
		touch(b, c);
		return chance(8) ? (int64_t)c : -EPIPE;
	}
	if (nr == SYS_recvmsg)
		return receive((struct msghdr *)b);
	if (nr == SYS_read || nr == SYS_write)
		return transfer(nr, a, b, c);
	if (nr == SYS_ppoll)
		return chance(16) ? 1 : 0;
	if (nr == SYS_rt_sigprocmask) {
		uint64_t before = mask;
		mask = a == 0 ? mask | *(uint64_t *)b : *(uint64_t *)b;
		if (c)
			*(uint64_t *)c = before;
		return 0;
	}
	if (nr == SYS_lseek)
		return chance(2) ? -ESPIPE : (int64_t)chance(1 << 20);
	if (nr == NR_mmap)
		return -ENOMEM; /* what is in a mailbox is the server's to say */
	return 0;
}

static char *text(const char *start, uint32_t length, int is_path)
{
	uint64_t head = strlen(start);
	char *made = malloc(head + length + 1);
	memcpy(made, start, head);
	for (uint32_t i = 0; i < length; i++)
		made[head + i] = is_path && i == 0 ? '/' : (char)(1 + chance(255));
	made[head + length] = 0;
	return made;
}

static uint32_t size(void)
{
	return chance(2000) == 0 ? 2000000 : chance(4) ? chance(16) : chance(2) ? 90 + chance(24) : chance(300);
}

static char *variable(const char **socket, const char **directory)
{
	char *made;
	switch (chance(6)) {
	case 0:
		made = text("TSRUN_SERVE=", size(), chance(4) != 0);
		*socket = made + 12;
		return made;
	case 1:
		made = text("XDG_RUNTIME_DIR=", size(), chance(4) != 0);
		*directory = made + 16;
		return made;
	case 2:
		return text("TSRUN_SERVER=/", chance(9), 0);
	default:
		return text("", size(), 0);
	}
}

/* Where a caller looks for its server; 0 for nowhere. */
static const char *path_for(const char *socket, const char *directory)
{
	static char path[4000000];
	if (socket && *socket)
		return *socket == '/' && strlen(socket) < 108 ? socket : 0;
	if (user == 0)
		return "/run/tsrun-serve.sock";
	if (!directory || *directory != '/' || strlen(directory) + strlen("/tsrun-serve.sock") >= 108)
		return 0;
	sprintf(path, "%s/tsrun-serve.sock", directory);
	return path;
}

enum { MANY = 50000 };
static char *kept[2 * MANY];

/* One call of tsrun. Returns whether it has exited, or Bun's turn has come. */
static int one(void)
{
	uint64_t arguments = chance(5000) == 0 ? MANY : chance(6), variables = chance(5000) == 0 ? MANY : chance(6), count = 0, at = 0;
	const char *socket = 0, *directory = 0;
	uint64_t *stack = malloc(sizeof *stack * (arguments + variables + 9));
	user = chance(2) * 1000;
	int says_no = 0, is_secure = 0, has_exited;
	stack[at++] = arguments;
	for (uint64_t i = 0; i < arguments; i++) {
		kept[count] = chance(20) ? text("--no-serv", chance(3), 0) : text("--no-serve", 0, 0);
		says_no |= i > 0 && strcmp(kept[count], "--no-serve") == 0;
		stack[at++] = (uint64_t)kept[count++];
	}
	stack[at++] = 0;
	for (uint64_t i = 0; i < variables; i++)
		stack[at++] = (uint64_t)(kept[count++] = variable(&socket, &directory));
	stack[at++] = 0;
	stack[at++] = 33, stack[at++] = 1;
	if (chance(16)) {
		is_secure = chance(8) == 0;
		stack[at++] = AT_SECURE, stack[at++] = (uint64_t)is_secure;
	} else {
		is_secure = 1;
	}
	stack[at++] = AT_NULL, stack[at++] = 0;
	expected_path = says_no || is_secure ? 0 : path_for(socket, directory);
	memset(is_open, 0, sizeof is_open);
	has_said = said = 0;
	mask = expected_mask = chance(2) ? 0 : 1ULL << 15;
	has_exited = setjmp(exited);
	if (!has_exited) {
		hand_over(stack);
		assert(mask == expected_mask);
		for (int fd = 0; fd < 8; fd++)
			assert(is_open[fd] == 0 || fd == FILE_);
	}
	while (count)
		free(kept[--count]);
	free(stack);
	return has_exited;
}

int main(int argc, char **argv)
{
	long cases = argc > 1 ? atol(argv[1]) : 1000, exits = 0, asked = 0;
	state = argc > 2 ? strtoull(argv[2], 0, 10) : 1;
	for (long i = 0; i < cases; i++) {
		exits += one();
		asked += has_said;
	}
	printf("%ld cases: %ld were answered, %ld exited\n", cases, asked, exits);
	return 0;
}
