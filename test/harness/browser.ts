/** A real browser without a window: Chromium, told what to do by its DevTools protocol over a pipe. */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { freshDirectory } from "./environment.ts";
import { testIf } from "./skip.ts";
import { slowness } from "./slowness.ts";

const PROGRAM = Bun.which("chromium");

export const testBrowser = testIf(PROGRAM !== null, "needs chromium");

/** An answer or an event that does not come within so many milliseconds never will. */
const LIMIT_MS = 60_000 * slowness;

const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe"],
  ...["--no-first-run", "--disable-extensions", "--disable-background-networking", "--window-size=1640,1000"],
];

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/** A page that is open in a browser. */
export class Page implements AsyncDisposable {
  /** What it has asked a network for, or printed as an error. */
  readonly complaints: string[] = [];
  private readonly browser: ChildProcess;
  private readonly session: string;
  private readonly pipe: Pipe;

  private constructor(browser: ChildProcess, pipe: Pipe, session: string) {
    this.browser = browser;
    this.pipe = pipe;
    this.session = session;
    pipe.listen((message) => this.note(message));
  }

  /** Opens a file, and waits until it is shown. */
  static async open(path: string): Promise<Page> {
    if (PROGRAM === null) throw new Error("there is no chromium");
    const home = freshDirectory("chromium");
    const browser = spawn(PROGRAM, [...FLAGS, `--user-data-dir=${home}`, "about:blank"], {
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
      env: { ...process.env, HOME: home },
    });
    // the third and the fourth are pipes, as asked for
    const [, , , input, output] = browser.stdio as unknown as readonly [null, null, null, Writable, Readable];
    const pipe = new Pipe(input, output);
    const { targetInfos } = (await pipe.ask("Target.getTargets")) as {
      targetInfos: { targetId: string; type: string }[];
    };
    const { targetId } = targetInfos.find(({ type }) => type === "page") ?? {};
    const attached = await pipe.ask("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(browser, pipe, (attached as { sessionId: string }).sessionId);
    for (const domain of ["Page", "Runtime", "Network", "Log"]) await page.tell(`${domain}.enable`);
    await page.go(path);
    return page;
  }

  /** Goes to another file, and waits until it is shown. */
  async go(path: string): Promise<void> {
    await this.value("window.isOld = true");
    await this.tell("Page.navigate", { url: `file://${path}` });
    await this.until(`document.readyState === "complete" && !window.isOld`);
  }

  /** On a screen of this width, such as a telephone's. */
  async width(width: number): Promise<void> {
    const screen = { width, height: width * 2, deviceScaleFactor: 1, mobile: true };
    await this.tell("Emulation.setDeviceMetricsOverride", screen);
  }

  tell(method: string, params: object = {}): Promise<unknown> {
    return this.pipe.ask(method, params, this.session);
  }

  /** The value of an expression of JavaScript in the page. */
  async value<T>(expression: string): Promise<T> {
    const found = (await this.tell("Runtime.evaluate", { expression, returnByValue: true })) as {
      result: { value: T };
      exceptionDetails?: { text: string; exception?: { description?: string } };
    };
    const thrown = found.exceptionDetails;
    if (thrown !== undefined)
      throw new Error(`${expression}: ${thrown.exception?.description ?? thrown.text}`);
    return found.result.value;
  }

  /** Waits until an expression is true. */
  async until(expression: string): Promise<void> {
    for (let left = LIMIT_MS; !(await this.value<boolean>(expression)); left -= 20) {
      if (left < 0) throw new Error(`never true: ${expression}`);
      await Bun.sleep(20);
    }
  }

  /** As a reader who likes it light or dark. */
  async prefer(scheme: "light" | "dark"): Promise<void> {
    await this.tell("Emulation.setEmulatedMedia", {
      features: [{ name: "prefers-color-scheme", value: scheme }],
    });
  }

  async wheel(x: number, y: number, deltaY: number): Promise<void> {
    await this.tell("Input.dispatchMouseEvent", { type: "mouseWheel", x, y, deltaX: 0, deltaY });
  }

  async mouse(x: number, y: number, type = "mouseMoved", button = "none"): Promise<void> {
    await this.tell("Input.dispatchMouseEvent", { type, x, y, button, clickCount: 1 });
  }

  async type(words: string): Promise<void> {
    await this.tell("Input.insertText", { text: words });
  }

  async key(key: string): Promise<void> {
    await this.tell("Input.dispatchKeyEvent", { type: "keyDown", key });
    await this.tell("Input.dispatchKeyEvent", { type: "keyUp", key });
  }

  /** A PNG of what is shown. */
  async picture(path: string): Promise<void> {
    const { data } = (await this.tell("Page.captureScreenshot")) as { data: string };
    writeFileSync(path, Buffer.from(data, "base64"));
  }

  private note({ method, params = {} }: Message): void {
    if (method === "Network.requestWillBeSent") {
      const { url } = params["request"] as { url: string };
      if (!url.startsWith("file:")) this.complaints.push(`asks for ${url}`);
    }
    if (method === "Runtime.exceptionThrown" || method === "Log.entryAdded")
      this.complaints.push(JSON.stringify(params));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.browser.once("exit", resolve));
    await this.pipe.ask("Browser.close").catch(() => this.browser.kill("SIGKILL"));
    await ended;
  }
}

/** Messages as JSON, each with a NUL behind it. */
class Pipe {
  private readonly input: Writable;
  private readonly waiting = new Map<number, (message: Message) => void>();
  private listener: (message: Message) => void = () => {};
  private rest = "";
  private last = 0;

  constructor(input: Writable, output: Readable) {
    this.input = input;
    const decoder = new TextDecoder();
    output.on("data", (bytes: Uint8Array) => this.take(decoder.decode(bytes, { stream: true })));
  }

  listen(listener: (message: Message) => void): void {
    this.listener = listener;
  }

  ask(method: string, params: object = {}, sessionId?: string): Promise<unknown> {
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`chromium does not answer ${method}`)), LIMIT_MS);
      this.waiting.set(id, ({ result, error }) => {
        clearTimeout(timer);
        if (error === undefined) resolve(result);
        else reject(new Error(`${method}: ${error.message}`));
      });
      this.input.write(`${JSON.stringify({ id, method, params, ...(sessionId && { sessionId }) })}\0`);
    });
  }

  private take(text: string): void {
    const messages = (this.rest + text).split("\0");
    this.rest = messages.pop() ?? "";
    for (const one of messages) {
      const message = JSON.parse(one) as Message;
      if (message.id === undefined) this.listener(message);
      else this.waiting.get(message.id)?.(message);
    }
  }
}

/** Where a test may leave a picture for people: with TRACE_PICTURES=DIRECTORY. */
export const pictureFor = (name: string): string | null => {
  const { TRACE_PICTURES: directory } = process.env;
  return directory === undefined ? null : join(directory, `${name}.png`);
};
