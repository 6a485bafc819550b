/**
 * `--no-pivot`: the container's root without pivot_root(2), which refuses a root that the kernel unpacked from its
 * initial ramdisk. Loaded only for that.
 */
import type { Program } from "../../agent/program.ts";
import type { StepResult } from "../../kernel/call.ts";
import { CWD, chdir, chroot, fchdir, mount, moveMount, openat, umount2 } from "../../kernel/calls.ts";
import { MNT_DETACH, MS_REC, MS_SLAVE, O_DIRECTORY, O_PATH } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { mountTable } from "./mount-table.ts";
import { type EnterRoot, propagate, refuseCoveredRoot } from "./rootfs.ts";

/** If complete mounts of these stayed below the new root, a user namespace could mount new ones without our masks. */
const CONCEALED: ReadonlySet<string> = new Set(["proc", "sysfs"]);

/** Moves the mount of `rootfs` over the old root; see mount(8), "MOVING", and switch_root(8). */
export function moveRootOf(rootfs: string): EnterRoot {
  const hosts = mountTable().filter(
    ({ point, root, type }) => root === "/" && CONCEALED.has(type) && !`${point}/`.startsWith(`${rootfs}/`),
  );
  return (program, root, propagation) => {
    for (const { point } of hosts) conceal(program, point);
    move(program, root);
    refuseCoveredRoot(program);
    propagate(program, propagation);
  };
}

/** Unmounts; a mount that is locked in a user namespace is covered by an empty file system instead. */
function conceal(program: Program, point: string): void {
  program.by(`--no-pivot: ${point} of the host`);
  // ENOENT: it was below another mount that has been removed already.
  program.whenOk(mount("", point, "", MS_REC | MS_SLAVE), [ERRNO.ENOENT, ERRNO.EINVAL], () =>
    program.orElse(umount2(point, MNT_DETACH), [ERRNO.EINVAL, ERRNO.EPERM], () =>
      program.add(mount("tmpfs", point, "tmpfs", 0)),
    ),
  );
}

function move(program: Program, root: StepResult): void {
  program.by("--no-pivot");
  program.add(fchdir(root));
  program.add(moveMount(root, program.add(openat(CWD, "/", O_PATH | O_DIRECTORY))));
  program.add(chroot("."));
  program.add(chdir("/"));
}
