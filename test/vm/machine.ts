/** A virtual machine in software emulation: no KVM, and gone when its guest is. */
import { type ChildProcess, spawn } from "node:child_process";
import { MissingPackage } from "../../rootfs/missing-package.ts";
import type { Architecture } from "./architecture.ts";
import { PORT } from "./results.ts";

export interface Machine {
  readonly architecture: Architecture;
  readonly image: string;
  readonly initramfs: string;
  /** Parameters for its kernel, beside those that every machine gets. */
  readonly parameters: readonly string[];
  /** Files that take what the guest prints on its console, and what it writes to the port of its results. */
  readonly console: string;
  readonly results: string;
  /** Raw disk images; what is written to them goes with the machine, unless they are its own to keep. */
  readonly disks: readonly string[];
  readonly keepsDisks?: boolean;
  /** Its network, as QEMU's -nic has it; none without it. */
  readonly network?: string;
  /** A guest that is not off by then hangs. */
  readonly seconds: number;
}

/** How a machine ended; `trouble` is what QEMU itself complained of. */
export interface Ending {
  readonly how: "switched off" | "out of time" | "failed";
  readonly trouble: string;
}

/**
 * The kernel prints errors only and ends the machine on a panic, and when a processor of it has been stuck for a minute.
 * Emulation is a third faster when programs are at the same addresses each time (norandmaps), so that their translations
 * are used again.
 */
const PARAMETERS = [
  ...["panic=-1", "loglevel=4", "mitigations=off", "audit=0", "norandmaps"],
  ...["softlockup_panic=1", "watchdog_thresh=30"],
];

/** Boots a machine and waits for its end. @throws MissingPackage */
export async function boot(machine: Machine, threads: "multi" | "single" = "multi"): Promise<Ending> {
  const { emulator, emulatorOwner } = machine.architecture;
  if (Bun.which(emulator) === null) throw new MissingPackage(`there is no ${emulator}`, emulatorOwner);
  const qemu = spawn("setpriv", ["--pdeathsig", "KILL", "--", emulator, ...options(machine, threads)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said: string[] = [];
  qemu.stderr.on("data", (chunk: Buffer) => said.push(chunk.toString()));
  let outOfTime = false;
  const timer = setTimeout(() => {
    outOfTime = true;
    qemu.kill("SIGKILL");
  }, machine.seconds * 1000);
  using _ = endedBySignals(qemu);
  try {
    const status = await closed(qemu);
    const how = outOfTime ? "out of time" : status === 0 ? "switched off" : "failed";
    return { how, trouble: said.join("").trim() };
  } finally {
    clearTimeout(timer);
  }
}

function options(machine: Machine, threads: "multi" | "single"): string[] {
  const { architecture, image, initramfs, console, results, disks, network = "none" } = machine;
  const parameters = [`console=${architecture.console}`, ...PARAMETERS, ...machine.parameters];
  const snapshot = machine.keepsDisks ? "cache=unsafe" : "snapshot=on";
  return [
    ...["-accel", `tcg,thread=${threads}`, ...architecture.board, "-m", "4096", "-smp", "2"],
    ...["-display", "none", "-monitor", "none", "-nic", network, "-no-reboot", "-nodefaults"],
    ...["-kernel", image, "-initrd", initramfs, "-append", parameters.join(" ")],
    ...["-serial", `file:${console}`],
    ...["-device", "virtio-serial-pci", "-chardev", `file,id=results,path=${results}`],
    ...["-device", `virtserialport,chardev=results,name=${PORT}`],
    ...disks.flatMap((file) => ["-drive", `file=${file},format=raw,if=virtio,${snapshot}`]),
  ];
}

function closed(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
}

/** Ctrl-C ends the machine, then this program. */
function endedBySignals(qemu: ChildProcess): Disposable {
  const end = (): void => {
    qemu.kill("SIGKILL");
    qemu.on("close", () => process.exit(130)); // 128 + SIGINT, as shells have it
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, end);
  return {
    [Symbol.dispose]() {
      for (const signal of signals) process.off(signal, end);
    },
  };
}
