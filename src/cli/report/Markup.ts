/** HTML and SVG as text, in which everything that is put in is escaped. */

/** Text that is markup already. */
export class Markup {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** What can be put into markup: texts and numbers are escaped, lists are joined, and nothing is left out. */
export type Content = string | number | Markup | undefined | ReadonlyArray<Content>

/** Markup with contents: `` html`<td>${name}</td>` ``. Attributes must be in double quotes. */
export const html = (parts: TemplateStringsArray, ...contents: ReadonlyArray<Content>): Markup =>
  new Markup(parts.map((part, index) => (index === 0 ? part : textOf(contents[index - 1]) + part)).join(""))

const textOf = (content: Content): string => {
  if (content === undefined) return ""
  if (content instanceof Markup) return content.text
  if (typeof content === "number") return String(content)
  return typeof content === "string" ? escape(content) : content.map(textOf).join("")
}

const entities: { readonly [character: string]: string } = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}

// Control characters, and those that turn the direction of what stands around them: a file name may hold them, and
// the command that is read must be the command that is copied.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g

const escape = (text: string): string =>
  text
    .toWellFormed()
    .replace(unseen, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .replace(/[&<>"']/g, (character) => entities[character] ?? "")
