/* A picture's 256 most frequent colours; every other pixel takes the nearest of them. Ties by value: always the same. */
async (png) => {
  const image = await createImageBitmap(await (await fetch('data:image/png;base64,' + png)).blob());
  const {width, height} = image;
  const canvas = new OffscreenCanvas(width, height).getContext('2d');
  canvas.drawImage(image, 0, 0);
  const pixels = new Uint32Array(canvas.getImageData(0, 0, width, height).data.buffer);

  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) || 0) + 1);
  const colours = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a) || a - b).slice(0, 256);
  const places = new Map(colours.map((colour, place) => [colour, place]));

  const parts = (colour) => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
  const palette = colours.map(parts);
  function nearest(colour) {
    const [red, green, blue] = parts(colour);
    let best = 0, least = Infinity;
    palette.forEach(([r, g, b], place) => {
      const distance = (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2;
      if (distance < least) { least = distance; best = place; }
    });
    return best;
  }

  const places8 = new Uint8Array(pixels.length);
  for (let i = 0; i < pixels.length; i += 1) {
    let place = places.get(pixels[i]);
    if (place === undefined) places.set(pixels[i], place = nearest(pixels[i]));
    places8[i] = place;
  }
  let text = '';
  for (let i = 0; i < places8.length; i += 32768) text += String.fromCharCode(...places8.subarray(i, i + 32768));
  return {width, height, palette: palette.flat(), pixels: btoa(text)};
}
