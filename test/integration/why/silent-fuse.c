/*
 * A file system that never answers: mounts FUSE on argv[1], tells the kernel that it is there, and answers nothing more.
 * Who looks into the mount waits until this program ends (fuse(4)). It prints a line once it is mounted.
 */
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static union {
		struct {
			struct fuse_in_header header;
			struct fuse_init_in init;
		} asked;
		char room[1 << 17];
	} in;
	char options[64];
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (argc != 2 || fuse < 0)
		return 1;
	snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fuse);
	if (mount("silent", argv[1], "fuse", MS_NOSUID | MS_NODEV, options) < 0)
		return 2;
	if (read(fuse, &in, sizeof in) < (ssize_t)sizeof in.asked.header || in.asked.header.opcode != FUSE_INIT)
		return 3;
	struct {
		struct fuse_out_header header;
		struct fuse_init_out init;
	} out = {
		.header = { .len = sizeof out, .unique = in.asked.header.unique },
		.init = { .major = FUSE_KERNEL_VERSION, .minor = in.asked.init.minor, .max_write = 4096 },
	};
	if (write(fuse, &out, sizeof out) < 0)
		return 4;
	puts("mounted");
	fflush(stdout);
	for (;;)
		if (read(fuse, &in, sizeof in) < 0)
			return 0;
}
