/*
 * Holds a lock of a file (flock(2)): `lock FILE` says "held" on its standard output and keeps it; where another has it,
 * it says so and fails.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd = argc > 1 ? open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0) {
		perror("lock");
		return 1;
	}
	puts("held");
	fflush(stdout);
	for (;;)
		pause();
}
