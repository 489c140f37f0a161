/** JSON pointers by RFC 6901: where in a document a value is. */

/** The names and indexes on the way there; `undefined` where the text is no pointer. */
export const parse = (pointer: string): ReadonlyArray<string> | undefined => {
  if (pointer === "") return []
  if (!pointer.startsWith("/") || /~(?![01])/.test(pointer)) return undefined
  return pointer.slice(1).split("/").map(unescaped)
}

/** What such a way is written as. */
export const format = (tokens: ReadonlyArray<string>): string =>
  tokens.map((token) => `/${token.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("")

const unescaped = (token: string): string => token.replaceAll("~1", "/").replaceAll("~0", "~")
