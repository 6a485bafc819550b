/** The annotations of config.json that tsrun heeds, and what it does for each. Others only travel with the container. */
import { FAULT_ANNOTATION, TRACE_ANNOTATION } from "../../container/timeline/annotation.ts";
import { CRIU_CONFIG_ANNOTATION } from "../../linux/criu/messages.ts";
import { LANDLOCK_ANNOTATION, LANDLOCK_STRICT_ANNOTATION } from "../../linux/landlock/confinement.ts";
import type { Deed } from "./deeds.ts";

export interface HeededAnnotation extends Deed {
  /** What it may hold. */
  readonly value: string;
  /** The document that says more. */
  readonly document: string;
}

export const ANNOTATIONS: { readonly [name: string]: HeededAnnotation } = {
  [LANDLOCK_ANNOTATION]: {
    value: "a policy of Landlock: landlockconfig's JSON, as text",
    does: "confines the container's processes by it, once they have their user and before their seccomp filter; what this kernel lacks is left out (experimental)",
    calls: "landlock_create_ruleset openat2 landlock_add_rule landlock_restrict_self",
    document: "docs/security.md",
  },
  [LANDLOCK_STRICT_ANNOTATION]: {
    value: "true or false",
    does: `makes an error of what this kernel or the image lacks of ${LANDLOCK_ANNOTATION} (experimental)`,
    calls: "",
    document: "docs/security.md",
  },
  [TRACE_ANNOTATION]: {
    value: "the path of a directory of the host",
    does: "makes each command on the container write its timeline there",
    calls: "",
    document: "docs/trace.md",
  },
  [FAULT_ANNOTATION]: {
    value: "faults, with semicolons between them",
    does: "makes steps fail, be late or be killed; only with TSRUN_FAULTS=1",
    calls: "",
    document: "docs/answers.md",
  },
  [CRIU_CONFIG_ANNOTATION]: {
    value: "the path of a file of the host, with criu's settings",
    does: "hands it to criu, at checkpoint and restore",
    calls: "",
    document: "docs/checkpoint.md",
  },
  "run.oci.keep_original_groups": {
    value: "0, or anything else",
    does: "keeps the additional groups of tsrun's caller",
    calls: "",
    document: "docs/callers/podman.md",
  },
  "org.systemd.property.*": {
    value: "a value as GVariant's text format writes it",
    does: "gives the container's scope this property, with --systemd-cgroup",
    calls: "",
    document: "docs/architecture.md",
  },
};

/** The annotation that tsrun heeds under that name; null for one that it does not. */
export const heeded = (name: string): HeededAnnotation | null =>
  Object.entries(ANNOTATIONS).find(([known]) =>
    known.endsWith(".*") ? name.startsWith(known.slice(0, -1)) : name === known,
  )?.[1] ?? null;
