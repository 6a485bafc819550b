/*
 * A process whose arguments and environment are a terabyte long, as /proc/PID/cmdline and environ show them: prctl(2),
 * PR_SET_MM_MAP, which needs no privileges. The memory takes no room, as nothing is written to it. Prints a line once
 * that is so; ends after a minute.
 */
#define _GNU_SOURCE
#include <linux/prctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define LENGTH (1ULL << 40)

/* The kernel wants the rest to be as it is: proc_pid_stat(5). */
static unsigned long long fields[64];

static void read_fields(void)
{
	static char text[4096];
	FILE *file = fopen("/proc/self/stat", "r");

	if (!file || !fread(text, 1, sizeof(text) - 1, file))
		exit(1);
	fclose(file);
	char *at = strrchr(text, ')') + 4;

	for (int number = 4; number < 64 && *at; number++)
		fields[number] = strtoull(at, &at, 10);
}

int main(void)
{
	char *words = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (words == MAP_FAILED)
		return 2;
	read_fields();
	memcpy(words, "first\0second", 13);
	struct prctl_mm_map map = {
		.start_code = fields[26], .end_code = fields[27], .start_stack = fields[28],
		.start_data = fields[45], .end_data = fields[46], .start_brk = fields[47],
		.brk = (unsigned long)sbrk(0),
		.arg_start = (unsigned long)words, .arg_end = (unsigned long)words + LENGTH,
		.env_start = (unsigned long)words, .env_end = (unsigned long)words + LENGTH,
		.exe_fd = (unsigned int)-1,
	};

	if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0) < 0)
		return 3;
	puts("ready");
	fflush(stdout);
	sleep(60);
	return 0;
}
