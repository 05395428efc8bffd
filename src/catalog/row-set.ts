/** Sets of row numbers as text, so that they travel in plans. */

/** Ascending numbers below 2^53 as runs: the distances between them, and their lengths, in base 36. */
export function rowSetText(rows: readonly number[]): string {
  const parts: string[] = []
  let end = 0
  for (let i = 0; i < rows.length;) {
    const start = rows[i]
    let next = start + 1
    for (i++; i < rows.length && rows[i] === next; i++) next++
    parts.push(`${(start - end).toString(36)}+${(next - start).toString(36)}`)
    end = next
  }
  return parts.join(',')
}

/** The runs [start, end) of a text of rowSetText. */
export function rowSetRuns(text: string): readonly (readonly [start: number, end: number])[] {
  let at = 0
  return text.split(',').flatMap((part): [number, number][] => {
    const [distance, length] = part.split('+').map(digits => parseInt(digits, 36))
    if (length === undefined) return []
    const start = at + distance
    at = start + length
    return [[start, at]]
  })
}
