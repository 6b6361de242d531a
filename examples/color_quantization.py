"""Reduce an image to eight colors: cluster a sample of its pixels and paint every pixel in the color of its center."""

import numpy as np

from ckmeans import KMeans

# A sunset: the sky turns from blue to orange above a dark sea, with a bright sun and some grain.
height, width = 240, 320
y, x = np.mgrid[0:height, 0:width]
sky = np.array([40, 70, 160]) + (y / height)[..., np.newaxis] * np.array([210, 80, -110])
sea = np.array([15, 30, 60]) + 0.2 * sky
image = np.where((y < 170)[..., np.newaxis], sky, sea)
image[(x - 160) ** 2 + (y - 140) ** 2 < 25**2] = [255, 230, 140]
grain = np.random.default_rng(0).normal(0, 4, image.shape)
image = np.clip(image + grain, 0, 255).astype(np.uint8)

pixels = image.reshape(-1, 3)
model = KMeans(n_clusters=8, random_state=0).fit(pixels[::10])
palette = np.round(model.cluster_centers_).astype(np.uint8)
painted = palette[model.predict(pixels)].reshape(image.shape)

error = np.sqrt(np.mean((image.astype(float) - painted) ** 2))
print(f"{len(np.unique(pixels, axis=0))} colors became {len(np.unique(painted.reshape(-1, 3), axis=0))},")
print(f"off by {error:.1f} of 255 in the root mean square")
for color, share in zip(palette, np.bincount(model.labels_, minlength=8) / len(model.labels_), strict=True):
    print(f"#{''.join(f'{part:02x}' for part in color)}  {share:6.1%}")
