/** Trees as text: lines and boxes. */
import test from 'ava'
import { boxTree, indentedTree, type TextTree } from '../../src/common/tree-text.js'

const node = (
  name: string,
  details = '',
  children: readonly TextTree[] = [],
  notes: readonly string[] = [],
): TextTree => ({
  name,
  details,
  notes,
  children,
})

test('indented lines name, details, then notes', t => {
  const tree = node('Join', 'a = b', [node('Scan', '', [], ['rows=1', 'bytes=2']), node('Empty')])
  t.is(indentedTree(tree), 'Join: a = b\n  Scan: metrics=[rows=1, bytes=2]\n  Empty')
})

test('the first child stands below its parent, the others to the right', t => {
  const tree = node('Union', '', [
    node('A'),
    node('Join', 'x = a name that is longer than a line', [node('B'), node('C')]),
    node('D'),
  ])
  t.deepEqual(boxTree(tree).split('\n'), [
    '┌─────────────────────────────┐',
    '│            Union            ├───────────────┬─────────────────────────────────────────────────────────────┐',
    '└──────────────┬──────────────┘               │                                                             │',
    '┌──────────────┴──────────────┐┌──────────────┴──────────────┐                               ┌──────────────┴──────────────┐',
    '│              A              ││            Join             ├───────────────┐               │              D              │',
    '│                             ││   ───────────────────────   │               │               │                             │',
    '│                             ││  x = a name that is longer  │               │               │                             │',
    '│                             ││         than a line         │               │               │                             │',
    '└─────────────────────────────┘└──────────────┬──────────────┘               │               └─────────────────────────────┘',
    '                               ┌──────────────┴──────────────┐┌──────────────┴──────────────┐',
    '                               │              B              ││              C              │',
    '                               └─────────────────────────────┘└─────────────────────────────┘',
  ])
})

test('what is longer than a box is broken, and cut after eight lines', t => {
  const lines = boxTree(node('Values', 'x'.repeat(300))).split('\n')
  t.is(lines.length, 12)
  t.true(lines.every(line => line.length === 31))
  t.is(lines[10].trim(), '│              …              │')
})
