/*
 * Asks a server as tsrun does, with this process's own arguments as the command line, and then is no tsrun:
 *
 *     FAKE=WAY BUILD=NUMBER TSRUN_SERVE=PATH fake-client ARGUMENT…
 *
 * WAY is what it does instead of what the server says.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../../src/agent/agent.h"

static struct {
	uint64_t magic, build, connection;
	char proof[144];
} hello = { .magic = 0x3165767265737472 };

static const char *way;

static int is(const char *name)
{
	return strcmp(way, name) == 0;
}

static void die(const char *what)
{
	perror(what);
	exit(125);
}

/* Has the kernel take this memory for the command line (PR_SET_MM_MAP, for which anybody may do that). */
static void take_words(uint64_t from, uint64_t to)
{
	struct prctl_mm_map map = { .arg_start = from, .arg_end = to, .exe_fd = (uint32_t)-1 };
	char text[1024] = "";
	unsigned long long field[52] = { 0 };
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
		die("/proc/self/stat");
	close(fd);
	char *word = strrchr(text, ')') + 3; /* behind field 3, a letter; see proc_pid_stat(5) */
	for (int number = 4; number < 52; number++)
		field[number] = strtoull(word, &word, 10);
	map.start_code = field[26], map.end_code = field[27], map.start_stack = field[28];
	map.start_data = field[45], map.end_data = field[46], map.start_brk = field[47];
	map.brk = (uint64_t)sbrk(0);
	map.env_start = field[50], map.env_end = field[51];
	if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0) != 0)
		die("PR_SET_MM_MAP");
}

static int connected(pid_t *server)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct ucred peer;
	socklen_t size = sizeof peer;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strncpy(address.sun_path, getenv("TSRUN_SERVE"), sizeof address.sun_path - 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
		die("connect");
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	*server = peer.pid;
	return fd;
}

static void read_proof(pid_t server)
{
	char path[64], text[1024] = "";
	snprintf(path, sizeof path, "/proc/%d/stat", server);
	FILE *file = fopen(path, "r");
	char *start = fgets(text, sizeof text, file) + strlen(text);
	for (int left = 8; left; left -= *--start == ' ')
		;
	*strrchr(start + 1, ' ') = 0; /* without exit_code */
	strncpy(hello.proof, start + 1, sizeof hello.proof - 1);
	fclose(file);
}

/* The descriptor that comes with a mailbox; -1 when the server says anything else but that it has taken the command. */
static int answer(int connection)
{
	for (;;) {
		char byte = 0, control[CMSG_SPACE(sizeof(int))] = "";
		struct iovec part = { &byte, 1 };
		struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
		int fd = -1;
		if (recvmsg(connection, &message, 0) != 1)
			return -1;
		struct cmsghdr *head = CMSG_FIRSTHDR(&message);
		if (head)
			memcpy(&fd, CMSG_DATA(head), sizeof fd);
		if (byte != 't' && byte != 'h')
			return fd;
		if (is("leaves-when-taken"))
			exit(0);
	}
}

/* Says of each step that is posted that it is done, with a result of this process's invention. */
static void lie(struct mailbox *box, uint32_t *seen, uint64_t *state)
{
	uint32_t post = __atomic_load_n(&box->post, __ATOMIC_ACQUIRE);
	if (post == *seen)
		return;
	*seen = post;
	struct step *steps = (struct step *)((char *)box + STEPS_OFFSET);
	static const int64_t nonsense[] = { -1, -9, 0, 1, 2, 3, 1 << 22, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000001, INT64_MIN, INT64_MAX };
	for (uint32_t i = box->first; i < box->end; i++) {
		*state = *state * 6364136223846793005u + 1442695040888963407u;
		steps[i].result = nonsense[(*state >> 33) % (sizeof nonsense / sizeof *nonsense)];
	}
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	switch (*state >> 33 & 7) {
	case 0:
		box->error = 1 + (*state >> 40) % 200;
		box->at = (uint32_t)(*state >> 20);
		break;
	case 1:
		box->next = (uint32_t)*state;
		break;
	case 2: /* holds it as another does */
		__atomic_store_n(&box->lock, 1, __ATOMIC_SEQ_CST);
		syscall(SYS_futex, &box->lock, FUTEX_WAKE, 1, 0, 0, 0);
		return;
	default:
		box->next = box->end;
	}
	__atomic_store_n(&box->lock, 0, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &box->lock, FUTEX_WAKE, 1, 0, 0, 0);
}

static void lie_for(char *map, double seconds, uint64_t seed)
{
	uint32_t seen[4] = { 0 };
	static const uint64_t places[] = { 0, 0x4000, 0x2e000 };
	for (time_t end = time(0) + (time_t)seconds + 1; time(0) < end; usleep(200))
		for (int i = 0; i < 3; i++)
			lie((struct mailbox *)(map + places[i]), &seen[i], &seed);
}

int main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	pid_t server;
	way = getenv("FAKE");
	int connection = connected(&server);
	hello.build = strtoull(getenv("BUILD"), 0, 10);
	hello.connection = (uint64_t)connection;
	read_proof(server);
	if (is("has-endless-words")) {
		uint64_t words = (uint64_t)mmap(0, 1UL << 32, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		take_words(words, words + (1UL << 32));
	}
	if (is("has-another-ask")) {
		int executes[2];
		char none;
		if (pipe2(executes, O_CLOEXEC) != 0)
			die("pipe2");
		if (fork() != 0) {
			execl("/bin/sleep", "sleep", "1", (char *)0);
			return 127;
		}
		close(executes[1]);
		read(executes[0], &none, 1); /* until who has connected is another program: both would be the same one before */
	}
	if (is("no-proof"))
		memset(hello.proof, 0, sizeof hello.proof);
	send(connection, &hello, sizeof hello, MSG_NOSIGNAL);
	if (is("leaves"))
		return 0;
	int file = answer(connection);
	if (file < 0)
		return 1;
	char *map = mmap((void *)MAILBOX_ADDRESS, MAILBOX_SPAN, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (is("cuts"))
		fprintf(stderr, "cut: %s\n", ftruncate(file, 0) == 0 ? "done" : strerror(errno));
	if (is("empties"))
		fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1 << 20);
	if (is("scribbles"))
		memset(map, 0xff, 0x30000);
	if (is("lies"))
		lie_for(map, 3, strtoull(getenv("SEED"), 0, 10));
	if (is("talks"))
		for (int i = 0; i < 100000; i++)
			send(connection, argv, 64, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (is("stops"))
		raise(SIGSTOP);
	if (is("waits"))
		sleep(2);
	return 0;
}
