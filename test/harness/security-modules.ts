import { existsSync, readFileSync } from "node:fs";

const APPARMOR = "/sys/module/apparmor/parameters/enabled";

/** Whether the kernel has AppArmor, and it is on. */
export const hasAppArmor = existsSync(APPARMOR) && readFileSync(APPARMOR, "utf8").startsWith("Y");

/** Whether the kernel has SELinux, and it is on. */
export const hasSelinux = /\bselinuxfs$/m.test(readFileSync("/proc/filesystems", "utf8"));
