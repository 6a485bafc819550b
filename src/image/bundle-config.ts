/** The config.json of an image's bundle, as conversion.md of the OCI image-spec says. */
import type { Config } from "../../runtime-spec/config.ts";
import type { IdMapping } from "../../runtime-spec/config-linux.ts";
import { defaultConfig, rootlessConfig } from "../container/default-config.ts";
import { UNSAFE_ANNOTATIONS } from "../container/unsafe-annotations.ts";
import type { ImageConfig } from "./documents.ts";
import type { User } from "./image-user.ts";

/** What images are made for: the capabilities that docker gives to their containers. */
const CAPABILITIES = [
  ...["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID"],
  ...["CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL"],
  "CAP_AUDIT_WRITE",
];

/** The ids of the user namespace that the rootfs was unpacked in. */
export interface Mappings {
  readonly uidMappings: readonly IdMapping[];
  readonly gidMappings: readonly IdMapping[];
}

/** With `mappings` for an ordinary user's container. */
export function bundleConfig(image: ImageConfig, user: User, mappings: Mappings | null): Config {
  const {
    process,
    linux,
    root: _readOnly,
    ...base
  } = mappings === null ? defaultConfig() : rootlessConfig(0, 0);
  const { Env = [], Entrypoint = [], Cmd = [], WorkingDir = "/" } = image.config ?? {};
  const args = [...Entrypoint, ...Cmd];
  const hasPath = Env.some((entry) => entry.startsWith("PATH="));
  const [path = ""] = process?.env ?? [];
  const annotations = annotationsOf(image);
  return {
    ...base,
    process: {
      ...process,
      terminal: false,
      user,
      args: args.length > 0 ? args : ["sh"],
      env: hasPath ? Env : [path, ...Env],
      cwd: WorkingDir.startsWith("/") ? WorkingDir : `/${WorkingDir}`,
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
      noNewPrivileges: false, // images have programs that change the user, such as su
    },
    root: { path: "rootfs" },
    linux: { ...linux, ...mappings },
    ...(Object.keys(annotations).length > 0 && { annotations }),
  };
}

const PREFIX = "org.opencontainers.image";

/**
 * Runtimes obey some annotations: they write to files of the host that these name, give rights, or take a container for a
 * part of a pod. An image must not have a say in that.
 */
const OBEYED = [...UNSAFE_ANNOTATIONS, "run.oci.", "org.criu.", "io.kubernetes."];

/** Whether runtimes would obey a label as an annotation. */
export const isObeyed = (label: string): boolean =>
  OBEYED.some((name) => label === name || (name.endsWith(".") && label.startsWith(name)));

/** Labels, and what else the image says of itself; a label of the same name counts. */
function annotationsOf(image: ImageConfig): Readonly<Record<string, string>> {
  const { Labels = {}, StopSignal, ExposedPorts = {} } = image.config ?? {};
  const labels = Object.entries(Labels).filter(([name]) => !isObeyed(name));
  const said: Readonly<Record<string, string | undefined>> = {
    os: image.os,
    architecture: image.architecture,
    variant: image.variant,
    "os.version": image["os.version"],
    "os.features": image["os.features"]?.join(","),
    author: image.author,
    created: image.created,
    stopSignal: StopSignal,
    exposedPorts: Object.keys(ExposedPorts).join(","),
  };
  const annotations: Record<string, string> = {};
  for (const [name, value] of Object.entries(said)) if (value) annotations[`${PREFIX}.${name}`] = value;
  return { ...annotations, ...Object.fromEntries(labels) };
}
