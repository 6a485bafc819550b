/* Reading from a connection and printing, without libc; and the end of the process. */
#ifndef TSRUN_STREAMS_H
#define TSRUN_STREAMS_H

#include <linux/poll.h>
#include <linux/socket.h>
#include <linux/time_types.h>
#include <linux/uio.h>
#include <stddef.h>

#include "../agent/call.h"

#if defined(__x86_64__)
enum { NR_ppoll = 271, NR_rt_sigprocmask = 14, NR_socket = 41, NR_connect = 42, NR_sendto = 44, NR_recvmsg = 47,
       NR_getsockopt = 55, NR_wait4 = 61, NR_kill = 62, NR_geteuid = 107, NR_rt_sigtimedwait = 128, NR_write = 1,
       NR_read = 0, NR_openat = 257, NR_lseek = 8, NR_shutdown = 48, NR_statx = 332 };
#else
enum { NR_ppoll = 73, NR_rt_sigprocmask = 135, NR_socket = 198, NR_connect = 203, NR_sendto = 206, NR_recvmsg = 212,
       NR_getsockopt = 209, NR_wait4 = 260, NR_kill = 129, NR_geteuid = 175, NR_rt_sigtimedwait = 137, NR_write = 64,
       NR_read = 63, NR_openat = 56, NR_lseek = 62, NR_shutdown = 210, NR_statx = 291 };
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

/* Writes it all, however slow the reader; returns 0, or what is in the way as the kernel says it: -EPIPE, -ENOSPC. */
static int64_t print(int stream, const char *text, uint64_t length)
{
	struct pollfd wanted = { .fd = stream, .events = POLLOUT };
	while (length) {
		int64_t count = call(NR_write, (uint64_t)stream, (uint64_t)text, length, 0, 0, 0);
		if (count == -EAGAIN)
			call(NR_ppoll, (uint64_t)&wanted, 1, 0, 0, 8, 0);
		else if (count < 0)
			return count;
		else
			text += count, length -= (uint64_t)count;
	}
	return 0;
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

/* Returns the signals that were blocked before. */
static uint64_t block(uint64_t signals)
{
	uint64_t before = 0;
	call(NR_rt_sigprocmask, 0 /* SIG_BLOCK */, (uint64_t)&signals, (uint64_t)&before, 8, 0, 0);
	return before;
}

#endif
