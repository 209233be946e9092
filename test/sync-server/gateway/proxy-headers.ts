/** PROXY headers as load balancers send them. */

export const V2_SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

export const proxyHeader1 = (family: "TCP4" | "TCP6", source: string, destination: string): Buffer =>
  Buffer.from(`PROXY ${family} ${source} ${destination} 56324 443\r\n`);

/** @param rest the bytes after the fixed part: addresses, ports and TLVs. */
export const proxyHeader2 = (command: number, family: number, rest: readonly number[]): Buffer =>
  Buffer.concat([V2_SIGNATURE, Buffer.of(command, family, rest.length >> 8, rest.length & 0xff), Buffer.from(rest)]);
