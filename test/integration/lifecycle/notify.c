/*
 * Both ends of sd_notify(3). `notify host PATH` is the service manager: prints what it gets at the datagram socket PATH,
 * one line each, closes the descriptors that come along, and ends after BARRIER=1. `notify say TEXT` is the service: it
 * says TEXT at $NOTIFY_SOCKET.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address = { .sun_family = AF_UNIX };

static socklen_t take(const char *path)
{
	size_t length = strlen(path);
	memcpy(address.sun_path, path, length);
	if (path[0] == '@')
		address.sun_path[0] = 0;
	return offsetof(struct sockaddr_un, sun_path) + length;
}

static int host(int fd, socklen_t length)
{
	char text[256], control[64];
	struct iovec iov = { text, sizeof text - 1 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control };

	if (bind(fd, (struct sockaddr *)&address, length) != 0)
		return 1;
	for (;;) {
		message.msg_controllen = sizeof control;
		ssize_t count = recvmsg(fd, &message, 0);
		if (count <= 0)
			return 1;
		text[count] = 0;
		printf("%s%s", text, text[count - 1] == '\n' ? "" : "\n");
		fflush(stdout);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		if (header != NULL)
			close(*(int *)CMSG_DATA(header));
		if (strcmp(text, "BARRIER=1") == 0)
			return 0;
	}
}

int main(int argc, char **argv)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	const char *target = getenv("NOTIFY_SOCKET");

	if (argc == 3 && strcmp(argv[1], "host") == 0)
		return host(fd, take(argv[2]));
	if (argc != 3 || target == NULL)
		return 2;
	socklen_t length = take(target);
	return sendto(fd, argv[2], strlen(argv[2]), 0, (struct sockaddr *)&address, length) < 0;
}
