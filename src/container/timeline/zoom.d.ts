/** The page's script, which the bundler makes a constant. It is text here: it runs in a browser. */
declare module "*/zoom.txt" {
  const text: string;
  export default text;
}
