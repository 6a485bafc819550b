/** `--mount` of `tsrun spec`: a mount in docker's words, `type=bind,source=/srv,target=/srv,readonly`. */

import type { Mount } from "../../../runtime-spec/config.ts";
import { nearest } from "../../../runtime-spec/nearest.ts";
import type { Caller } from "../../agent/caller.ts";
import { fromCaller } from "../../container/caller/caller.ts";
import { statusIfThere } from "../../kernel/files.ts";
import { UserError } from "../../kernel/user-error.ts";
import { isAbsolute } from "../../linux/paths.ts";

/** The fields, by every name that docker has for them. */
const FIELDS = {
  type: "type",
  source: "source",
  src: "source",
  target: "target",
  destination: "target",
  dst: "target",
  readonly: "readonly",
  ro: "readonly",
  "bind-propagation": "bind-propagation",
  "bind-nonrecursive": "bind-nonrecursive",
  "tmpfs-size": "tmpfs-size",
  "tmpfs-mode": "tmpfs-mode",
} as const;

type Name = keyof typeof FIELDS;
type Field = (typeof FIELDS)[Name];

/** Those that need no value. */
const SWITCHES: readonly Field[] = ["readonly", "bind-nonrecursive"];

/** Those that only one type has. */
const OF_TYPE: { readonly [F in Field]?: string } = {
  source: "bind",
  "bind-propagation": "bind",
  "bind-nonrecursive": "bind",
  "tmpfs-size": "tmpfs",
  "tmpfs-mode": "tmpfs",
};

const PROPAGATIONS = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];

/** What docker gives a tmpfs. */
const TMPFS_OPTIONS = ["nosuid", "nodev", "noexec"];

/** The mount of config.json that `--mount TEXT` asks for. @throws UserError with the field that is wrong */
export function mountFrom(caller: Caller, text: string): Mount {
  const fields = new Fields(text);
  const type = fields.oneOf("type", ["bind", "tmpfs"]);
  fields.requireType(type);
  const destination = fields.need("target", "where is it to be in the container?");
  if (!isAbsolute(destination)) fields.refuse("target", "must be an absolute path", destination);
  return type === "bind" ? bindMount(caller, destination, fields) : tmpfsMount(destination, fields);
}

function bindMount(caller: Caller, destination: string, fields: Fields): Mount {
  const source = fromCaller(caller, fields.need("source", "what of the host is to be mounted?"));
  if (statusIfThere(source) === null) fields.refuse("source", `${source} does not exist`);
  const recursive = fields.isSet("bind-nonrecursive") ? "" : "r";
  const propagation = fields.has("bind-propagation") ? [fields.oneOf("bind-propagation", PROPAGATIONS)] : [];
  const readonly = fields.isSet("readonly") ? [`${recursive}ro`] : [];
  return { destination, type: "bind", source, options: [`${recursive}bind`, ...propagation, ...readonly] };
}

function tmpfsMount(destination: string, fields: Fields): Mount {
  const size = fields.matching("tmpfs-size", /^\d+[kmgKMG%]?$/, "must be a size such as 64m");
  const mode = fields.matching("tmpfs-mode", /^[0-7]{1,4}$/, "must be a mode in octal digits such as 1777");
  const readonly = fields.isSet("readonly") ? ["ro"] : [];
  const options = [
    ...TMPFS_OPTIONS,
    `mode=${mode ?? "1777"}`,
    ...(size === undefined ? [] : [`size=${size}`]),
  ];
  return { destination, type: "tmpfs", source: "tmpfs", options: [...options, ...readonly] };
}

/** The fields of one `--mount`. */
class Fields {
  private readonly text: string;
  private readonly values = new Map<Field, string>();

  /** @throws UserError */
  constructor(text: string) {
    this.text = text;
    for (const part of partsOf(text)) {
      const [name = "", ...rest] = part.split("=");
      const field = this.fieldNamed(name);
      if (this.values.has(field)) this.refuse(field, "is given twice");
      if (rest.length === 0 && !SWITCHES.includes(field)) this.refuse(field, `needs a value: ${name}=…`);
      this.values.set(field, rest.length === 0 ? "true" : rest.join("="));
    }
  }

  private fieldNamed(name: string): Field {
    const known = Object.entries(FIELDS).find(([one]) => one === name);
    if (known !== undefined) return known[1];
    const meant = nearest(name, Object.keys(FIELDS));
    const guess =
      meant === undefined
        ? `one of ${Object.values(FIELDS).filter(isFirst).join(", ")}`
        : `did you mean ${meant}?`;
    throw this.error(`unknown field ${JSON.stringify(name)} (${guess})`);
  }

  has(field: Field): boolean {
    return this.values.has(field);
  }

  /** The value of a field that must be there. `why` says what is missing. */
  need(field: Field, why: string): string {
    const value = this.values.get(field);
    if (value === undefined || value === "") throw this.error(`${field} is missing: ${why}`);
    return value;
  }

  oneOf(field: Field, values: readonly string[]): string {
    const value = this.need(field, values.join(" or "));
    if (!values.includes(value)) this.refuse(field, `must be ${values.join(" or ")}`, value);
    return value;
  }

  matching(field: Field, form: RegExp, what: string): string | undefined {
    const value = this.values.get(field);
    if (value !== undefined && !form.test(value)) this.refuse(field, what, value);
    return value;
  }

  isSet(field: Field): boolean {
    const value = this.values.get(field) ?? "false";
    if (/^(true|1)$/.test(value)) return true;
    if (!/^(false|0)$/.test(value)) this.refuse(field, "must be true or false", value);
    return false;
  }

  requireType(type: string): void {
    for (const field of this.values.keys()) {
      const only = OF_TYPE[field];
      if (only !== undefined && only !== type) this.refuse(field, `is for type=${only} alone`);
    }
  }

  /** @throws UserError, always */
  refuse(field: Field, problem: string, found?: string): never {
    throw this.error(`${field} ${problem}${found === undefined ? "" : `, not ${JSON.stringify(found)}`}`);
  }

  private error(problem: string): UserError {
    return new UserError(`spec: --mount ${this.text}`, problem);
  }
}

const isFirst = (field: string, index: number, all: readonly string[]) => all.indexOf(field) === index;

/** Separated by commas; a part in double quotes may have commas in it, and `""` for a quote, as in CSV. */
function partsOf(text: string): readonly string[] {
  const parts = text.match(/(?<=^|,)("(?:[^"]|"")*"|[^,]*)/g) ?? [];
  return parts.map((part) => (part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part));
}
