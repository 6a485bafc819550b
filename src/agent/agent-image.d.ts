/**
 * The agent's ELF image as base64 text, which the bundler makes a constant. An embedded file would need node:fs;
 * importing it as text would cost a `require` of 0.15 ms at start.
 */
declare module "*/agent.json" {
  const text: string;
  export default text;
}
