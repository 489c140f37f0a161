/** Values that become a header field. */
import * as Schema from "effect/Schema"

const pattern = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/

/**
 * Text that one header field can carry as it is: visible ASCII and spaces (RFC 9110 §5.5 without its
 * obsolete part). A line break in it would end the field and start another.
 */
export const headerValue = Schema.String.check(
  Schema.isPattern(pattern, {
    expected: "visible ASCII characters, with spaces only between them"
  })
)

export const isHeaderValue = (text: string): boolean => pattern.test(text)
