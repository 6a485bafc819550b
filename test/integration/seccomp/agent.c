/*
 * A seccomp agent: `agent SOCKET LOG`. Takes listeners on the socket, and writes what each came with to LOG, one
 * line each. A call to create a directory gets EDQUOT, whatever else it is asked about may go on.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Reads a message to its end; returns the descriptor that came with it. */
static int receive(int connection, char *text, size_t size)
{
	int listener = -1;
	size_t length = 0;
	for (;;) {
		union {
			char bytes[CMSG_SPACE(sizeof(int))];
			struct cmsghdr header;
		} control;
		struct iovec part = {text + length, size - 1 - length};
		struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
		ssize_t count = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
		if (count < 0)
			fail("recvmsg");
		if (count == 0)
			break;
		length += (size_t)count;
		struct cmsghdr *first = CMSG_FIRSTHDR(&message);
		if (first && first->cmsg_type == SCM_RIGHTS)
			memcpy(&listener, CMSG_DATA(first), sizeof listener);
	}
	text[length] = 0;
	return listener;
}

static int makes_directory(int nr)
{
#ifdef SYS_mkdir
	if (nr == SYS_mkdir)
		return 1;
#endif
	return nr == SYS_mkdirat;
}

/* Answers until the last filtered process has ended. */
static void answer(int listener)
{
	struct pollfd ready = {.fd = listener, .events = POLLIN};
	while (poll(&ready, 1, -1) >= 0 && !(ready.revents & POLLHUP)) {
		struct seccomp_notif asked = {0};
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0)
			continue; /* ENOENT: whoever asked was killed */
		struct seccomp_notif_resp response = {.id = asked.id};
		if (makes_directory(asked.data.nr))
			response.error = -EDQUOT;
		else
			response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
	}
}

int main(int count, char **args)
{
	if (count != 3)
		return 2;
	int log = open(args[2], O_WRONLY | O_CREAT | O_APPEND, 0600);
	int server = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	strncpy(address.sun_path, args[1], sizeof address.sun_path - 1);
	if (log < 0 || bind(server, (struct sockaddr *)&address, sizeof address) < 0 || listen(server, 8) < 0)
		fail(args[1]);
	for (;;) {
		static char text[65536];
		int connection = accept(server, 0, 0);
		if (connection < 0)
			fail("accept");
		int listener = receive(connection, text, sizeof text);
		close(connection);
		dprintf(log, "%s\n", text);
		if (fork() == 0) {
			answer(listener);
			return 0;
		}
		close(listener);
	}
}
