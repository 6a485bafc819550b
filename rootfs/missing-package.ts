/** Something that the build needs is not on this machine; the message says which Debian package brings it. */
export class MissingPackage extends Error {
  constructor(what: string, packages: string) {
    super(`${what}: install it with apt-get install ${packages}`);
    this.name = "MissingPackage";
  }
}
