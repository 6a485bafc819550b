/** The kubelet's side of the Container Runtime Interface. */
import { join } from "node:path";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { loadSync, type MethodDefinition, type ServiceDefinition } from "@grpc/proto-loader";

const SECONDS = 60;

/** What a message's fields may hold. */
type Field = string | number | boolean | null | readonly Field[] | Message | undefined;
export interface Message {
  readonly [field: string]: Field;
}

/** What the tests read of the answers; cri.proto has all the fields. */
interface Answers {
  readonly Version: { readonly runtime_name: string; readonly runtime_version: string };
  readonly Status: {
    readonly status: { readonly conditions: readonly { readonly type: string; readonly status: boolean }[] };
    readonly runtime_handlers: readonly { readonly name: string; readonly features: unknown }[];
  };
  readonly RunPodSandbox: { readonly pod_sandbox_id: string };
  readonly StopPodSandbox: unknown;
  readonly RemovePodSandbox: unknown;
  readonly PodSandboxStatus: {
    readonly status: {
      readonly state: string;
      readonly network: { readonly ip: string };
      readonly runtime_handler: string;
    };
    readonly info: Readonly<Record<string, string>>;
  };
  readonly ListPodSandbox: {
    readonly items: readonly {
      readonly id: string;
      readonly state: string;
      readonly metadata: { readonly uid: string };
    }[];
  };
  readonly CreateContainer: { readonly container_id: string };
  readonly StartContainer: unknown;
  readonly StopContainer: unknown;
  readonly RemoveContainer: unknown;
  readonly ListContainers: {
    readonly containers: readonly {
      readonly id: string;
      readonly state: string;
      readonly metadata: { readonly name: string };
    }[];
  };
  readonly ContainerStatus: {
    readonly status: ContainerStatus;
    readonly info: Readonly<Record<string, string>>;
  };
  readonly UpdateContainerResources: unknown;
  readonly ExecSync: { readonly stdout: Buffer; readonly stderr: Buffer; readonly exit_code: number };
  readonly ContainerStats: {
    readonly stats: {
      readonly attributes: { readonly id: string };
      readonly cpu: { readonly usage_core_nano_seconds: { readonly value: string } | null } | null;
      readonly memory: { readonly working_set_bytes: { readonly value: string } | null } | null;
    };
  };
}

export interface ContainerStatus {
  readonly state: string;
  readonly exit_code: number;
  readonly reason: string;
  readonly message: string;
}

/** A connection to a container runtime; `call` rejects with the runtime's own words. */
export interface Cri extends Disposable {
  call<Name extends keyof Answers>(name: Name, request?: Message): Promise<Answers[Name]>;
}

/** Connects to the runtime that listens at a socket. */
export function connectCri(socket: string): Cri {
  const client = new Client(`unix://${socket}`, credentials.createInsecure());
  const methods = loadService();
  return {
    call: (name, request = {}) => onceInitialized(() => unary(client, methods, name, request)),
    [Symbol.dispose]: () => client.close(),
  };
}

/** A containerd that has just been started listens before its CRI answers: its callers ask again, as the kubelet does. */
async function onceInitialized<T>(ask: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + SECONDS * 1000;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const isEarly = error instanceof Error && error.message.endsWith(": server is not initialized yet");
      if (!isEarly || Date.now() > deadline) throw error;
    }
    await Bun.sleep(50);
  }
}

function loadService(): ServiceDefinition {
  const loaded = loadSync(join(import.meta.dir, "cri.proto"), {
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
  });
  return loaded["runtime.v1.RuntimeService"] as ServiceDefinition; // the one service of the file
}

function unary<Name extends keyof Answers>(
  client: Client,
  methods: ServiceDefinition,
  name: Name,
  request: Message,
): Promise<Answers[Name]> {
  const method = methods[name] as MethodDefinition<Message, Answers[Name]> | undefined; // as cri.proto has it
  if (method === undefined) throw new Error(`cri.proto has no ${name}`);
  const { path, requestSerialize, responseDeserialize } = method;
  const deadline = Date.now() + SECONDS * 1000;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      { deadline },
      (error: ServiceError | null, answer?: Answers[Name]) => {
        if (error !== null) reject(new Error(`${name}: ${error.details}`));
        else if (answer !== undefined) resolve(answer);
      },
    );
  });
}
