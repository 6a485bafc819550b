/**
 * The mode bit (sticky, S_ISVTX) that marks a parent cgroup as made for a container, so that it is removed with the
 * last container in it. The bit is set by mkdir(2) itself, so it is never missing, even if tsrun is killed; and it also
 * serves containers that use the parent later. It has no other meaning in cgroupfs. Parents made by others are left
 * alone.
 */
export const OURS = 0o1000;
