/*
 * The floor: what the kernel alone takes to run a command in a container of the default bundle.
 *
 *     floor CGROUP ROOTFS COMMAND [ARGUMENTS]
 *
 * CGROUP is a directory to be made in the cgroup v2 hierarchy and removed at the end. The system calls are
 * those that any runtime has to make for the config.json of bundle.ts, and nothing else: no JSON, no state,
 * no validation, no hooks. It is what a runtime can come near to, and no runtime itself.
 *
 * System calls are made through syscall(2): libcs differ in which wrappers of the new mount API they have,
 * and in whether <sys/mount.h> can be included beside <linux/mount.h>.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MNT_DETACH 2 /* <sys/mount.h> */

extern char **environ;

static long succeed(const char *call, const char *subject, long result)
{
	if (result >= 0)
		return result;
	fprintf(stderr, "floor: %s (%s): %s\n", call, subject, strerror(errno));
	exit(1);
}

/* A system call that must succeed; `subject` is for the complaint. */
#define MUST(subject, name, ...) succeed(#name, subject, syscall(SYS_##name, __VA_ARGS__))

static const struct {
	unsigned major, minor;
	const char *path; /* NULL: allowed, but not made */
} devices[] = {
	{ 1, 3, "null" },    { 1, 5, "zero" }, { 1, 7, "full" },     { 1, 8, "random" },
	{ 1, 9, "urandom" }, { 5, 0, "tty" },  { 5, 2, NULL /* ptmx */ },
};
#define PTY_SLAVES 136 /* a major number; all minors are allowed */

static const struct {
	const char *path, *target;
} links[] = {
	{ "fd", "/proc/self/fd" },       { "stdin", "/proc/self/fd/0" }, { "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" }, { "core", "/proc/kcore" },      { "ptmx", "pts/ptmx" },
};

#define RESTRICTED (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV)

static const struct {
	const char *type, *source, *path;
	uint64_t attributes;
	struct {
		const char *key, *value;
	} options[6];
} filesystems[] = {
	{ "proc", "proc", "proc", 0, {} },
	{ "tmpfs", "tmpfs", "dev", MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME,
	  { { "mode", "755" }, { "size", "65536k" } } },
	{ "devpts", "devpts", "dev/pts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
	  { { "newinstance", NULL }, { "ptmxmode", "0666" }, { "mode", "0620" }, { "gid", "5" } } },
	{ "tmpfs", "shm", "dev/shm", RESTRICTED, { { "mode", "1777" }, { "size", "65536k" } } },
	{ "mqueue", "mqueue", "dev/mqueue", RESTRICTED, {} },
	{ "sysfs", "sysfs", "sys", RESTRICTED | MOUNT_ATTR_RDONLY, {} },
	{ "cgroup2", "cgroup", "sys/fs/cgroup", RESTRICTED | MOUNT_ATTR_RDONLY, {} },
};

static const char *const masked[] = {
	"proc/acpi",       "proc/asound",      "proc/kcore",       "proc/keys",    "proc/latency_stats",
	"proc/timer_list", "proc/timer_stats", "proc/sched_debug", "sys/firmware", "proc/scsi",
};

static const char *const readonly[] = { "proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger" };

static const unsigned capabilities[] = { CAP_AUDIT_WRITE, CAP_KILL, CAP_NET_BIND_SERVICE };

/* ---- The cgroup and its device program ---- */

static struct bpf_insn load(int to, int offset)
{
	return (struct bpf_insn){
		.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = to, .src_reg = BPF_REG_1, .off = offset
	};
}

static struct bpf_insn compute(int operation, int to, int32_t operand)
{
	return (struct bpf_insn){ .code = BPF_ALU | BPF_K | operation, .dst_reg = to, .imm = operand };
}

static struct bpf_insn skip_unless_equal(int value, int32_t operand, int skipped)
{
	return (struct bpf_insn){
		.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = value, .off = skipped, .imm = operand
	};
}

static const struct bpf_insn leave = { .code = BPF_JMP | BPF_EXIT };

enum { TYPE = BPF_REG_2, ACCESS = BPF_REG_3, MAJOR = BPF_REG_4, MINOR = BPF_REG_5, VERDICT = BPF_REG_0 };

/* Denies all but the making of any node and the use of `devices` and pseudo-terminals. Returns its length. */
static unsigned write_device_program(struct bpf_insn *program)
{
	struct bpf_insn *at = program;
	*at++ = load(TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	*at++ = load(ACCESS, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	*at++ = compute(BPF_AND, TYPE, 0xffff);
	*at++ = compute(BPF_RSH, ACCESS, 16);
	*at++ = load(MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	*at++ = load(MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
	*at++ = compute(BPF_MOV, VERDICT, 1);
	*at++ = skip_unless_equal(ACCESS, BPF_DEVCG_ACC_MKNOD, 1);
	*at++ = leave;
	*at++ = skip_unless_equal(TYPE, BPF_DEVCG_DEV_CHAR, 2 + 3 * COUNT(devices));
	*at++ = skip_unless_equal(MAJOR, PTY_SLAVES, 1);
	*at++ = leave;
	for (size_t i = 0; i < COUNT(devices); i++) {
		*at++ = skip_unless_equal(MAJOR, devices[i].major, 2);
		*at++ = skip_unless_equal(MINOR, devices[i].minor, 1);
		*at++ = leave;
	}
	*at++ = compute(BPF_MOV, VERDICT, 0);
	*at++ = leave;
	return at - program;
}

static void restrict_devices(int cgroup)
{
	struct bpf_insn program[14 + 3 * COUNT(devices)];
	union bpf_attr loaded = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
				  .insns = (uintptr_t)program,
				  .insn_cnt = write_device_program(program),
				  .license = (uintptr_t) "Apache-2.0" };
	int fd = MUST("load the device program", bpf, BPF_PROG_LOAD, &loaded, sizeof loaded);
	union bpf_attr attached = { .target_fd = cgroup,
				    .attach_bpf_fd = fd,
				    .attach_type = BPF_CGROUP_DEVICE,
				    .attach_flags = BPF_F_ALLOW_MULTI };
	MUST("attach the device program", bpf, BPF_PROG_ATTACH, &attached, sizeof attached);
	MUST("device program", close, fd);
}

/* EBUSY: the kernel has not quite let go of the last process yet. */
static void remove_cgroup(const char *cgroup)
{
	for (int tries = 0; syscall(SYS_unlinkat, AT_FDCWD, cgroup, AT_REMOVEDIR) < 0; tries++) {
		if (errno != EBUSY || tries == 1000)
			succeed("unlinkat", cgroup, -1);
		usleep(100);
	}
}

/* ---- Inside: mounts and devices ---- */

static int open_inside(int root, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	return syscall(SYS_openat2, root, path, &how, sizeof how);
}

static int directory_inside(int root, const char *path)
{
	if (syscall(SYS_mkdirat, root, path, 0755) < 0 && errno != EEXIST)
		succeed("mkdirat", path, -1);
	return succeed("openat2", path, open_inside(root, path));
}

/* Attaches a mount to a file or directory, both given by descriptors. */
static int attach(int mount, int target)
{
	return syscall(SYS_move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static void mount_filesystems(int root)
{
	for (size_t i = 0; i < COUNT(filesystems); i++) {
		const char *path = filesystems[i].path;
		int fs = MUST(path, fsopen, filesystems[i].type, FSOPEN_CLOEXEC);
		MUST(path, fsconfig, fs, FSCONFIG_SET_STRING, "source", filesystems[i].source, 0);
		for (size_t j = 0; filesystems[i].options[j].key != NULL; j++) {
			const char *key = filesystems[i].options[j].key, *value = filesystems[i].options[j].value;
			MUST(key, fsconfig, fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0);
		}
		MUST(path, fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
		int mount = MUST(path, fsmount, fs, FSMOUNT_CLOEXEC, filesystems[i].attributes);
		succeed("move_mount", path, attach(mount, directory_inside(root, path)));
	}
}

static void make_devices(int root)
{
	int dev = directory_inside(root, "dev");
	for (size_t i = 0; i < COUNT(devices); i++)
		if (devices[i].path != NULL)
			MUST(devices[i].path, mknodat, dev, devices[i].path, S_IFCHR | 0666,
			     makedev(devices[i].major, devices[i].minor));
	for (size_t i = 0; i < COUNT(links); i++)
		MUST(links[i].path, symlinkat, links[i].target, dev, links[i].path);
}

/* Hides a directory below an empty tmpfs. */
static void hide_directory(const char *path, int target)
{
	int fs = MUST(path, fsopen, "tmpfs", FSOPEN_CLOEXEC);
	MUST(path, fsconfig, fs, FSCONFIG_SET_STRING, "nr_inodes", "1", 0);
	MUST(path, fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	int mount = MUST(path, fsmount, fs, FSMOUNT_CLOEXEC, RESTRICTED | MOUNT_ATTR_RDONLY);
	succeed("move_mount", path, attach(mount, target));
}

static void mask_paths(int root)
{
	int null = MUST("/dev/null", openat, AT_FDCWD, "/dev/null", O_PATH | O_CLOEXEC);
	for (size_t i = 0; i < COUNT(masked); i++) {
		int target = open_inside(root, masked[i]);
		if (target < 0)
			continue; /* not every kernel has every file */
		int file = MUST(masked[i], open_tree, null, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
		if (attach(file, target) < 0)
			hide_directory(masked[i], target);
	}
}

static void set_readonly(const char *path, int mount, unsigned flags)
{
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY };
	MUST(path, mount_setattr, mount, "", AT_EMPTY_PATH | flags, &attributes, sizeof attributes);
}

static void protect_paths(int root)
{
	for (size_t i = 0; i < COUNT(readonly); i++) {
		int target = open_inside(root, readonly[i]);
		if (target < 0)
			continue;
		int tree = MUST(readonly[i], open_tree, target, "",
				OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
		set_readonly(readonly[i], tree, AT_RECURSIVE);
		succeed("move_mount", readonly[i], attach(tree, target));
	}
}

/* ---- Inside: root, network, privileges ---- */

/* Makes `root` the only root: pivot_root(".", ".") stacks the old one on it, see NOTES in pivot_root(2). */
static void change_root(int root)
{
	int old = MUST("/", openat, AT_FDCWD, "/", O_DIRECTORY | O_CLOEXEC);
	MUST("rootfs", fchdir, root);
	MUST("rootfs", pivot_root, ".", ".");
	MUST("/", fchdir, old);
	MUST("old root", mount, NULL, ".", NULL, MS_REC | MS_SLAVE, NULL);
	MUST("old root", umount2, ".", MNT_DETACH);
	MUST("/", chdir, "/");
}

static void bring_loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = MUST("loopback", socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	MUST("loopback", ioctl, fd, SIOCSIFFLAGS, &request);
	MUST("loopback", close, fd);
}

static void drop_privileges(void)
{
	uint64_t kept = 0;
	for (size_t i = 0; i < COUNT(capabilities); i++)
		kept |= UINT64_C(1) << capabilities[i];
	for (unsigned i = 0; i <= CAP_LAST_CAP; i++)
		if (!(kept >> i & 1))
			syscall(SYS_prctl, PR_CAPBSET_DROP, i, 0, 0, 0); /* an older kernel knows fewer: EINVAL */
	MUST("groups", setgroups, 0, NULL);
	MUST("group", setresgid, 0, 0, 0);
	MUST("user", setresuid, 0, 0, 0);
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[] = { { .effective = kept, .permitted = kept },
						 { .effective = kept >> 32, .permitted = kept >> 32 } };
	MUST("capabilities", capset, &header, sets);
	MUST("ambient capabilities", prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	MUST("no_new_privs", prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* The container's first process, born in its cgroup and in all its namespaces but the one of cgroups. */
static void become_container(const char *rootfs, char **command)
{
	/* clone3(2) would root the cgroup namespace in the parent's cgroup: only now is this process in its own. */
	MUST("cgroup namespace", unshare, CLONE_NEWCGROUP);
	syscall(SYS_setsid);
	struct rlimit files = { 1024, 1024 };
	MUST("RLIMIT_NOFILE", prlimit64, 0, RLIMIT_NOFILE, &files, NULL);
	MUST("/", mount, NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
	int place = MUST(rootfs, openat, AT_FDCWD, rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int root = MUST(rootfs, open_tree, place, "",
			OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	succeed("move_mount", rootfs, attach(root, place));
	syscall(SYS_umask, 0);
	mount_filesystems(root);
	make_devices(root);
	mask_paths(root);
	protect_paths(root);
	set_readonly(rootfs, root, 0);
	change_root(root);
	MUST("hostname", sethostname, "floor", 5);
	bring_loopback_up();
	drop_privileges();
	syscall(SYS_umask, 022);
	MUST("descriptors", close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
	MUST(command[0], execve, command[0], command, environ);
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: floor CGROUP ROOTFS COMMAND [ARGUMENTS]\n");
		return 2;
	}
	const char *path = argv[1];
	MUST(path, mkdirat, AT_FDCWD, path, 0755);
	int cgroup = MUST(path, openat, AT_FDCWD, path, O_DIRECTORY | O_CLOEXEC);
	restrict_devices(cgroup);
	struct clone_args how = { .flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS |
					   CLONE_INTO_CGROUP | CLONE_CLEAR_SIGHAND,
				  .exit_signal = SIGCHLD,
				  .cgroup = cgroup };
	int pid = MUST("container", clone3, &how, sizeof how);
	if (pid == 0)
		become_container(argv[2], argv + 3);
	int status;
	MUST("container", wait4, pid, &status, 0, NULL);
	remove_cgroup(path);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
