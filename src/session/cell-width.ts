/** How wide texts are on a terminal. */

/** Texts of one terminal cell a character, and line feeds, which end one. */
const PLAIN = /^[\n -~]*$/

/**
 * A function from any of `texts`, or one of its lines, to its width in terminal cells. The Unicode tables are loaded only when a
 * text needs them: they take longer than a small query.
 */
export async function cellWidth(texts: readonly string[]): Promise<(line: string) => number> {
  if (texts.every(text => PLAIN.test(text))) return line => line.length
  const { default: stringWidth } = await import('string-width')
  return line => stringWidth(line)
}
