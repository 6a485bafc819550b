/** The API server's REST interface, as far as the tests need it. */
import { readFileSync } from "node:fs";
import type { Message } from "../callers/cri.ts";
import { slowness } from "../harness/slowness.ts";
import { FILES, SERVER, TOKEN } from "./addresses.ts";

/** Where objects of a kind are. */
const PATHS = {
  Pod: "/api/v1/namespaces/default/pods",
  ConfigMap: "/api/v1/namespaces/default/configmaps",
  Secret: "/api/v1/namespaces/default/secrets",
  ServiceAccount: "/api/v1/namespaces/default/serviceaccounts",
  Event: "/api/v1/namespaces/default/events",
  Node: "/api/v1/nodes",
  Deployment: "/apis/apps/v1/namespaces/default/deployments",
  Job: "/apis/batch/v1/namespaces/default/jobs",
  RuntimeClass: "/apis/node.k8s.io/v1/runtimeclasses",
  TokenReview: "/apis/authentication.k8s.io/v1/tokenreviews",
} as const;

type Kind = keyof typeof PATHS;

/** An object as its kind's documentation has it; what a test reads of it, it names in its own type. */
interface Manifest extends Message {
  readonly kind: Kind;
}

export interface Api {
  /** Creates an object; returns it as it was stored. */
  create<T>(manifest: Manifest): Promise<T>;
  read<T>(kind: Kind, name: string): Promise<T>;
  list<T>(kind: Kind, selector?: Readonly<Record<string, string>>): Promise<readonly T[]>;
  /** Merges a patch (RFC 7396) into an object. */
  patch(kind: Kind, name: string, patch: Message): Promise<void>;
  /** What a pod's container printed. */
  log(pod: string, container?: string): Promise<string>;
  /** Asks for its end, with this grace, and does not wait; one that has gone is fine. */
  remove(kind: Kind, name: string, graceSeconds?: number): Promise<void>;
  /** Reads an object again and again until `condition` holds for it, and returns it then; throws, with its status and events, when it takes too long. */
  until<T>(kind: Kind, name: string, condition: (object: T) => boolean, what: string): Promise<T>;
  /** Whether all is ready; false also while nobody answers. */
  isReady(): Promise<boolean>;
}

/** An event, as far as it is told when something else has failed. */
export interface Event {
  readonly reason: string;
  readonly message: string;
}

/** uvu prints `details` below the message. */
class Waited extends Error {
  readonly details: string;

  constructor(what: string, lines: readonly string[]) {
    super(`waited ${PATIENCE_MS / 1000} s in vain until ${what}`);
    this.details = lines.join("\n");
  }
}

/** How long what the tests wait for may take. */
const PATIENCE_MS = 90_000 * slowness;
/** Each look costs, and where all is slow so many looks would keep what is waited for from happening. */
const STEP_MS = 150 * slowness;

/** A client of the API server, which must have started. */
export function connectApi(): Api {
  const ca = readFileSync(FILES.certificate, "utf8");
  const ask = async (method: string, path: string, body?: Message, type = "application/json") => {
    const headers = { authorization: `Bearer ${TOKEN}`, "content-type": type };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(`${SERVER}${path}`, { method, headers, ...sent, tls: { ca } });
    return { status: answer.status, ok: answer.ok, text: await answer.text() };
  };
  const agreed = async (...request: Parameters<typeof ask>): Promise<unknown> => {
    const { ok, status, text } = await ask(...request);
    if (!ok) throw new Error(`${request[0]} ${request[1]}: ${status}: ${text}`);
    return JSON.parse(text);
  };
  const list = async <T>(kind: Kind, selector: Readonly<Record<string, string>> = {}) => {
    const query = new URLSearchParams(selector);
    return ((await agreed("GET", `${PATHS[kind]}?${query}`)) as { items: readonly T[] }).items;
  };
  const inVain = async (kind: Kind, name: string, what: string) => {
    const { status } = await read<{ readonly status?: unknown }>(kind, name);
    const events = await list<Event>("Event", { fieldSelector: `involvedObject.name=${name}` });
    return new Waited(what, [
      JSON.stringify(status),
      ...events.map(({ reason, message }) => `${reason}: ${message}`),
    ]);
  };
  const read: Api["read"] = async <T>(kind: Kind, name: string) =>
    (await agreed("GET", `${PATHS[kind]}/${name}`)) as T; // which field is of which type the caller knows
  return {
    read,
    create: async <T>(manifest: Manifest) => (await agreed("POST", PATHS[manifest.kind], manifest)) as T,
    list,
    patch: async (kind, name, patch) =>
      void (await agreed("PATCH", `${PATHS[kind]}/${name}`, patch, "application/merge-patch+json")),
    async log(pod, container) {
      const query = container === undefined ? "" : `?container=${container}`;
      const { text } = await ask("GET", `${PATHS.Pod}/${pod}/log${query}`);
      return text;
    },
    async remove(kind, name, gracePeriodSeconds) {
      const options = {
        kind: "DeleteOptions",
        apiVersion: "v1",
        propagationPolicy: "Background",
        ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
      };
      const { ok, status, text } = await ask("DELETE", `${PATHS[kind]}/${name}`, options);
      if (!ok && status !== 404) throw new Error(`DELETE ${kind} ${name}: ${status}: ${text}`);
    },
    async until<T>(kind: Kind, name: string, condition: (object: T) => boolean, what: string) {
      const deadline = performance.now() + PATIENCE_MS;
      for (;;) {
        const object = await read<T>(kind, name);
        if (condition(object)) return object;
        if (performance.now() > deadline) throw await inVain(kind, name, what);
        await Bun.sleep(STEP_MS);
      }
    },
    isReady: async () => (await ask("GET", "/readyz").catch(() => null))?.ok === true,
  };
}
