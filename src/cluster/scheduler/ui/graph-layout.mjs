/**
 * Places the stages of a job: sources above, the result below, every edge downwards. A stage stands one layer above the highest of its
 * consumers; edges that pass layers get a place in each. Pure: boxes and edges in, positions out.
 */

export const BOX_WIDTH = 268
export const HEADER_HEIGHT = 46
export const ROW_HEIGHT = 22
const BOX_PADDING = 7

const GAP_X = 36
const GAP_Y = 76
/** What an edge that passes a layer keeps free. */
const LANE_WIDTH = 30
const SWEEPS = 12

export const boxHeight = operatorCount => HEADER_HEIGHT + operatorCount * ROW_HEIGHT + BOX_PADDING

/**
 * `boxes`: `{ id, height }`; `edges`: `{ edge, from, to }`. Gives `{ width, height, boxes: Map id → { x, y, width, height },
 * edges: Map edge → points }`, the points from the bottom of the producer to the top of the consumer.
 */
export function layout(boxes, edges) {
  const layerOf = layersOf(boxes, edges)
  const { layers, lanes } = fillLayers(boxes, edges, layerOf)
  for (let sweep = 0; sweep < SWEEPS; sweep++) sortLayers(layers, sweep % 2 === 0)
  for (const layer of layers) {
    place(
      layer,
      layer.map(() => 0),
    )
  }
  for (let sweep = 0; sweep < SWEEPS; sweep++) alignLayers(layers, sweep % 2 === 0)
  return positions(layers, lanes)
}

/** Layer 0 is the lowest: stages that nobody reads. */
function layersOf(boxes, edges) {
  const consumers = new Map(boxes.map(({ id }) => [id, []]))
  for (const { from, to } of edges) consumers.get(from)?.push(to)
  const layerOf = new Map()
  const visit = id => {
    if (layerOf.has(id)) return layerOf.get(id)
    // A cycle cannot be; a record that has one must not hang the page.
    layerOf.set(id, 0)
    layerOf.set(id, Math.max(-1, ...(consumers.get(id) ?? []).map(visit)) + 1)
    return layerOf.get(id)
  }
  for (const { id } of boxes) visit(id)
  return layerOf
}

/** Cells of each layer, linked upwards and downwards; `lanes`: for each edge its cells from producer to consumer. */
function fillLayers(boxes, edges, layerOf) {
  const layers = Array.from({ length: Math.max(0, ...layerOf.values()) + 1 }, () => [])
  const cellOf = new Map()
  const add = cell => {
    layers[cell.layer].push(cell)
    return cell
  }
  for (const { id, height } of boxes)
    cellOf.set(id, add({ id, layer: layerOf.get(id), width: BOX_WIDTH, height, up: [], down: [], x: 0 }))
  const lanes = new Map()
  for (const { edge, from, to } of edges) {
    if (!cellOf.has(from) || !cellOf.has(to)) continue
    const lane = [cellOf.get(from)]
    for (let layer = layerOf.get(from) - 1; layer > layerOf.get(to); layer--)
      lane.push(add({ layer, width: LANE_WIDTH, height: 0, up: [], down: [], x: 0 }))
    lane.push(cellOf.get(to))
    for (let i = 1; i < lane.length; i++) {
      lane[i - 1].down.push(lane[i])
      lane[i].up.push(lane[i - 1])
    }
    lanes.set(edge, lane)
  }
  return { layers, lanes }
}

const upwards = layers => layers
const downwards = layers => [...layers].reverse()

/** By the mean place of the neighbours: few crossings. */
function sortLayers(layers, isDownwards) {
  for (const layer of isDownwards ? downwards(layers) : upwards(layers)) {
    const places = new Map(layers.flatMap(each => each.map((cell, index) => [cell, index])))
    const wanted = cell => mean((isDownwards ? cell.up : cell.down).map(each => places.get(each))) ?? places.get(cell)
    const keys = new Map(layer.map(cell => [cell, wanted(cell)]))
    layer.sort((left, right) => keys.get(left) - keys.get(right))
  }
}

/** Moves each cell towards the middle of its neighbours, as far as the order and the gaps allow. */
function alignLayers(layers, isDownwards) {
  for (const layer of isDownwards ? downwards(layers) : upwards(layers)) {
    place(
      layer,
      layer.map(cell => mean((isDownwards ? cell.up : cell.down).map(each => each.x)) ?? cell.x),
    )
  }
}

/** Centres as near to `wanted` as can be: neighbours that would overlap form a group around the mean of what they want. */
function place(layer, wanted) {
  const groups = []
  let offset = 0
  layer.forEach((cell, index) => {
    const before = layer[index - 1]
    offset += before === undefined ? 0 : (before.width + cell.width) / 2 + GAP_X
    groups.push({ sum: wanted[index] - offset, cells: [{ cell, offset }] })
    while (groups.length > 1 && startOf(groups.at(-1)) < startOf(groups.at(-2))) {
      const last = groups.pop()
      groups.at(-1).sum += last.sum
      groups.at(-1).cells.push(...last.cells)
    }
  })
  for (const group of groups) for (const { cell, offset: at } of group.cells) cell.x = startOf(group) + at
}

const startOf = ({ sum, cells }) => sum / cells.length

function positions(layers, lanes) {
  const heights = layers.map(layer => Math.max(0, ...layer.map(cell => cell.height)))
  const cells = layers.flat()
  const left = Math.min(...cells.map(cell => cell.x - cell.width / 2))
  const right = Math.max(...cells.map(cell => cell.x + cell.width / 2))
  const tops = []
  let y = 0
  for (let layer = layers.length - 1; layer >= 0; layer--) {
    tops[layer] = y
    y += heights[layer] + GAP_Y
  }
  const boxes = new Map()
  for (const cell of cells) {
    cell.x -= left
    // Boxes stand on the floor of their layer, so that the way to their consumers is short.
    cell.top = tops[cell.layer] + heights[cell.layer] - cell.height
    if (cell.id === undefined) continue
    boxes.set(cell.id, { x: cell.x - cell.width / 2, y: cell.top, width: cell.width, height: cell.height })
  }
  const edges = new Map(Array.from(lanes, ([edge, lane]) => [edge, route(lane, heights)]))
  return { width: right - left, height: Math.max(0, y - GAP_Y), boxes, edges }
}

/** Straight through the layers that it passes. */
function route(lane, heights) {
  const [from, to] = [lane[0], lane.at(-1)]
  const inner = lane.slice(1, -1).flatMap(cell => [
    { x: cell.x, y: cell.top - heights[cell.layer] },
    { x: cell.x, y: cell.top },
  ])
  const start = { x: from.x + spread(from, from.down, lane[1]), y: from.top + from.height }
  const end = { x: to.x + spread(to, to.up, lane.at(-2)), y: to.top }
  return [start, ...inner, end]
}

/** Ends of edges at one side of a box stand beside each other, in the order of what is at their other end. */
function spread(cell, neighbours, neighbour) {
  const ordered = [...neighbours].sort((left, right) => left.x - right.x)
  const step = Math.min(56, (cell.width - 60) / Math.max(1, ordered.length - 1))
  return (ordered.indexOf(neighbour) - (ordered.length - 1) / 2) * step
}

const mean = values => (values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length)
