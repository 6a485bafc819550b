/**
 * Host name and sysctls. The kernel shows whoever reads them those of its own namespaces, so an agent reads them: it
 * joins the container's namespaces of these kinds, and no others, and reads the host's /proc/sys in there. Nothing of
 * the container can reach it: it stays in the host's pid and mount namespaces.
 */

import type { StepResult } from "../../../kernel/call.ts";
import { CWD, close, openat, openat2, read } from "../../../kernel/calls.ts";
import {
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
} from "../../../kernel/constants.ts";
import { readLink } from "../../../kernel/files.ts";
import { here } from "../../../kernel/here.ts";
import { Opened } from "../../../kernel/opened.ts";
import { type Join, NAMESPACES } from "../../../linux/namespaces.ts";
import { sysctlPath } from "../../../linux/sysctl.ts";
import { Agent } from "../../init/agent.ts";
import { type Area, compared, differs } from "../finding.ts";
import type { Subject } from "../subject.ts";

/** Namespaces that have names and sysctls (namespaces(7)). */
const WITH_SYSCTLS: readonly string[] = ["network", "ipc", "uts", "user"];

/** A sysctl's text is longer in no case that a config sets. */
const ROOM = 512;

/** What is asked for: a property, its file below /proc/sys by the name of the sysctl, and the value. */
interface Wanted {
  readonly path: string;
  readonly sysctl: string;
  readonly value: string;
}

export const sysctls: Area = {
  of: "linux.sysctl",
  async look(subject) {
    const { hostname, domainname, linux: { sysctl = {} } = {} } = subject.bundle.config;
    const wanted: readonly Wanted[] = [
      ...(hostname ? [{ path: "hostname", sysctl: "kernel.hostname", value: hostname }] : []),
      ...(domainname ? [{ path: "domainname", sysctl: "kernel.domainname", value: domainname }] : []),
      ...Object.entries(sysctl).map(([name, value]) => ({
        path: `linux.sysctl["${name}"]`,
        sysctl: name,
        value,
      })),
    ];
    if (wanted.length === 0) return [];
    const found = await readInside(
      subject,
      wanted.map((one) => sysctlPath(one.sysctl)),
    );
    return wanted.map(({ path, value }, index) => {
      const text = found[index] ?? null;
      return text === null
        ? differs(path, "no such sysctl", value)
        : compared(path, words(text), words(value));
    });
  },
};

/** The kernel separates numbers by tabs. */
const words = (text: string) => text.trim().replace(/\s+/g, " ");

/** The texts of files below /proc, as the container's namespaces have them; null for those that aren't there. */
async function readInside(subject: Subject, paths: readonly string[]): Promise<readonly (string | null)[]> {
  using opened = new Opened();
  const joins = joinsOf(subject, opened);
  await using agent = Agent.start(subject.caller, { created: new Set(), joins }, null);
  const { program } = agent.init;
  program.by("sysctls");
  const proc = program.add(openat(CWD, "/proc", O_PATH | O_DIRECTORY));
  const steps = paths.map((path) => {
    let text: StepResult | null = null;
    program.whenOk(openat2(proc, path, O_RDONLY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS), "all", (file) => {
      text = program.add(read(file, { room: ROOM }), "all");
      program.add(close(file));
    });
    return text;
  });
  await agent.run();
  return steps.map((step) => step && textOf(agent, step));
}

function textOf({ init }: Agent, step: StepResult): string | null {
  const length = init.result(step);
  return length <= 0 ? null : new TextDecoder().decode(init.filled(step).subarray(0, length));
}

/** The namespaces that differ from tsrun's own, opened. */
function joinsOf({ proc, caller }: Subject, opened: Opened): readonly Join[] {
  const kinds = NAMESPACES.filter(({ type }) => WITH_SYSCTLS.includes(type));
  const joins = kinds.flatMap(({ type, flag, file }): readonly Join[] => {
    if (readLink(`ns/${file}`, proc) === caller.namespace(file)) return [];
    const fd = here(openat(proc, `ns/${file}`, O_RDONLY));
    opened.defer(() => here(close(fd)));
    return [{ type, flag, fd, where: "container's namespaces" }];
  });
  // An ordinary user may join the others only from within the user namespace that owns them.
  return caller.uid === 0 ? joins : [...joins].reverse();
}
