/**
 * The mode bit (sticky, S_ISVTX) by which a parent cgroup is known as made for a container, so that deleting the
 * last container in it removes it. A bit is there from mkdir(2) on, whoever dies when, and also for another
 * container than the one that it was made for; cgroupfs attaches no other meaning to it.
 * Parents that somebody else made don't have it and are left alone.
 */
export const OURS = 0o1000;
