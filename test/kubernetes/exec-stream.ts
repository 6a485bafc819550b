/**
 * A command in a container by the API server's own WebSocket, as kubectl's: one process less than `kubectl exec`, of
 * which the tests call some hundred. The frames are those of v5.channel.k8s.io: a channel's number and its bytes.
 */
import { readFileSync } from "node:fs";
import type { Said } from "../callers/call.ts";
import { slowness } from "../harness/slowness.ts";
import { FILES, SERVER, TOKEN } from "./addresses.ts";

const CHANNELS = { stdout: 1, stderr: 2, status: 3 } as const;

/** What the last channel says of a command's end. */
interface Status {
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
}

const SECONDS = 60 * slowness;

/** Runs it to its end; its status is null when it could not be run, and stderr says why then. */
export function execInPod(pod: string, command: readonly string[], container?: string): Promise<Said> {
  const query = new URLSearchParams({ stdout: "true", stderr: "true" });
  for (const word of command) query.append("command", word);
  if (container !== undefined) query.set("container", container);
  const url = `${SERVER.replace("https:", "wss:")}/api/v1/namespaces/default/pods/${pod}/exec?${query}`;
  const socket = new WebSocket(url, {
    protocols: ["v5.channel.k8s.io"],
    headers: { authorization: `Bearer ${TOKEN}` },
    tls: { ca: readFileSync(FILES.certificate, "utf8") },
  });
  socket.binaryType = "nodebuffer";
  const received: Buffer[][] = [];
  const textOf = (channel: number) => Buffer.concat(received[channel] ?? []).toString();
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.close(), SECONDS * 1000);
    let trouble = `exec did not end within ${SECONDS} s`;
    socket.onmessage = ({ data }: MessageEvent<Buffer>) => {
      const channel = data[0] ?? 0;
      received[channel] = [...(received[channel] ?? []), data.subarray(1)];
    };
    socket.onerror = (event) => {
      trouble = event instanceof ErrorEvent ? event.message : "the connection failed";
    };
    socket.onclose = () => {
      clearTimeout(timer);
      const end = textOf(CHANNELS.status);
      const { status, why } = end === "" ? { status: null, why: trouble } : outcome(end);
      const stderr = textOf(CHANNELS.stderr) + why;
      resolve({ command: command.join(" "), status, stdout: textOf(CHANNELS.stdout), stderr });
    };
  });
}

function outcome(text: string): { status: number | null; why: string } {
  const { status, message = "", details } = JSON.parse(text) as Status; // metav1.Status
  if (status === "Success") return { status: 0, why: "" };
  const code = details?.causes?.find(({ reason }) => reason === "ExitCode")?.message;
  return code === undefined ? { status: null, why: message } : { status: Number(code), why: "" };
}
