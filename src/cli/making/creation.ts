import { type Bundle, bundleIn, readBundle, warningsOf } from "../../container/bundle.ts";
import { fromCaller, isRootless, requireUserNamespace } from "../../container/caller/caller.ts";
import { cgroupDriver } from "../../container/cgroup/cgroup.ts";
import { type Created, type CreateOptions, create } from "../../container/create.ts";
import type { Console } from "../../container/terminal/console.ts";
import { storeOf } from "../flags/store-of.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { doubt, log, warnings } from "../output/log.ts";
import { print } from "../output/output.ts";
import type { HeldSignals, Session } from "../session/session.ts";
import { PATIENCE, Patience } from "../why/patience.ts";
import { announcerFor } from "./console.ts";
import { handedDown } from "./handed-down.ts";

type Creation = InvocationOf<"create" | "run">;

/** What `create` and `run` share: from their flags to a container that waits for its start. */
export async function createContainer(
  { command, globals, flags, args }: Creation,
  session: Session,
  bundle: Bundle,
  console: Console | null,
  held: HeldSignals,
): Promise<Created> {
  const { caller } = session;
  const store = storeOf(globals, caller);
  const handed = await handedDown(session, bundle, `${store.root}/${args[0]}`, flags.preserveFds);
  using patience = new Patience(session, globals, command, args[0]);
  held.onEnd(() => patience.lose());
  await patience.limit();
  const options: CreateOptions = {
    id: args[0],
    prepare: handed.prepare,
    systemdCgroup: globals.systemdCgroup,
    pidFile: flags.pidFile === undefined ? undefined : fromCaller(caller, flags.pidFile),
    preservedFds: handed.descriptors,
    gaps: handed.gaps,
    noPivot: flags.noPivot,
    ownKeyring: !flags.noNewKeyring,
    looksFirst: looksFirst(session),
    rootless: isRootless(caller, globals.rootless),
    console,
    announce: await announcerFor(caller, flags.pidfdSocket, "standard"),
    debug: globals.debug ? (line) => log(session, globals, "debug", line) : undefined,
    warn: warnings(session, globals),
  };
  try {
    return await create(store, handed.bundle, options);
  } catch (error) {
    throw patience.reason(error);
  }
}

/** `--dry-run`: prints the steps that would be taken, and takes none. */
export async function showSteps(invocation: Creation, session: Session): Promise<number> {
  const { caller } = session;
  const { globals, flags, args } = invocation;
  const { dryRun } = await import("../../container/dry-run.ts");
  const driver = await cgroupDriver(caller, globals.systemdCgroup, isRootless(caller, globals.rootless));
  const lines = await dryRun(caller, args[0], bundleOf(invocation, session), driver, flags);
  for (const line of lines) print(session, `${line}\n`);
  return 0;
}

/** The bundle that the flags name, checked. @throws UserError */
export function bundleOf(
  { globals, flags }: Creation | InvocationOf<"restore">,
  session: Session,
  read = readBundle,
): Bundle {
  const { caller } = session;
  const bundle = read(flags.bundle ?? ".", caller);
  requireUserNamespace(caller, bundle.config);
  for (const warning of warningsOf(bundle)) doubt(session, globals, warning);
  return bundle;
}

/** The same for a creation, which looks at the rootfs itself when it looks first. @throws UserError */
export const bundleToCreate = (creation: Creation, session: Session): Bundle =>
  bundleOf(creation, session, looksFirst(session) ? bundleIn : readBundle);

/** Whether a file system that does not answer must not hold up this process: it has other callers, or gives up some time. */
const looksFirst = ({ livesOn, caller }: Session) => livesOn || Boolean(caller.env[PATIENCE]);
