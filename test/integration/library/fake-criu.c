/*
 * A criu(8) that saves and restores nothing: it tells in the file $TOLD what it was started with, and restores a process
 * that waits for its end. With $CRIU_BREAKS it prints more than a pipe holds, and fails; with $CRIU_TAKES it takes so many
 * milliseconds.
 */
#define _GNU_SOURCE
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SOCKET = 3, MOST = 64 };

/* Types of messages, as in criu's rpc.proto. */
enum { RESTORE = 2, NOTIFY = 6 };

static char message[4096];

static void tell(int type)
{
	FILE *told = NULL;
	char path[4096], target[4096], keyring[256] = "";
	int signal = -1;

	/* Before any other descriptor is open. */
	char open[MOST][256] = { "" };
	for (int fd = 0; fd < MOST; fd++) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		if (readlink(path, open[fd], sizeof open[fd] - 1) < 0)
			open[fd][0] = 0;
	}
	snprintf(path, sizeof path, "%s-%d", getenv("TOLD"), type);
	told = fopen(path, "w");
	if (told == NULL)
		exit(1);
	fprintf(told, "who %s\ncwd %s\n", getenv("WHO"), getcwd(target, sizeof target));
	fprintf(told, "no_new_privs %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	prctl(PR_GET_PDEATHSIG, &signal);
	fprintf(told, "parent %d, signal at its death %d\n", getppid(), signal);
	syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, keyring, sizeof keyring);
	fprintf(told, "keyring %s\n", keyring);
	FILE *cgroup = fopen("/proc/self/cgroup", "r");
	while (fgets(target, sizeof target, cgroup))
		if (strncmp(target, "0::", 3) == 0)
			fprintf(told, "cgroup %s", target + 3);
	fclose(cgroup);
	for (int fd = 0; fd < MOST; fd++)
		if (open[fd][0])
			fprintf(told, "fd %d %s\n", fd, open[fd]);
	fclose(told);
}

/* A field of protobuf's wire format: a number of less than 28 bits. */
static int number(char *at, int field, int value)
{
	int length = 0;
	at[length++] = (char)(field << 3);
	for (; value > 127; value >>= 7)
		at[length++] = (char)(value | 128);
	at[length++] = (char)value;
	return length;
}

static int piece(char *at, int field, const char *bytes, int length)
{
	at[0] = (char)(field << 3 | 2);
	at[1] = (char)length;
	memcpy(at + 2, bytes, (size_t)length);
	return 2 + length;
}

/* Whether tsrun agrees. */
static int notify(const char *script, int pid)
{
	char notice[64];
	int inner = piece(notice, 1, script, (int)strlen(script));
	inner += number(notice + inner, 2, pid);
	int length = number(message, 1, NOTIFY);
	length += number(message + length, 2, 1);
	length += piece(message + length, 5, notice, inner);
	send(SOCKET, message, (size_t)length, 0);
	ssize_t answer = recv(SOCKET, message, sizeof message, 0);
	/* notify_success is its last field. */
	return answer > 0 && message[answer - 1] == 1;
}

static void answer(int type, int success, int pid)
{
	char restored[8];
	int length = number(message, 1, type);
	length += number(message + length, 2, success);
	if (pid > 0)
		length += piece(message + length, 4, restored, number(restored, 1, pid));
	send(SOCKET, message, (size_t)length, 0);
	exit(!success);
}

/* What waits in the place of a restored process: a child of the caller. */
static int restored(void)
{
	int pid = (int)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
	if (pid != 0)
		return pid;
	for (int fd = 0; fd < MOST; fd++)
		close(fd);
	for (;;)
		pause();
}

int main(void)
{
	if (getenv("CRIU_BREAKS")) {
		for (int i = 0; i < 20000; i++)
			fputs("....................\n", stderr);
		fputs("Error (criu/fake.c:1): out of order\n", stderr);
		return 1;
	}
	if (recv(SOCKET, message, sizeof message, 0) < 2)
		return 1;
	int type = message[1];
	tell(type);
	if (getenv("CRIU_TAKES"))
		usleep(1000 * (unsigned)atoi(getenv("CRIU_TAKES")));
	if (type != RESTORE)
		answer(type, 1, 0);
	int pid = restored();
	if (notify("setup-namespaces", pid) && notify("post-restore", pid))
		answer(type, 1, pid);
	kill(pid, SIGKILL);
	answer(type, 0, 0);
}
