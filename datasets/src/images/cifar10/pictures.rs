//! CIFAR-10 as a folder of pictures, `{train,test}/CLASS/*.png`.

use std::path::Path;

use lookback_registry::{Error, ErrorKind, Result};

use super::{Cifar10, Cifar10Split, MOST_IMAGES};
use crate::files;
use crate::images::{LabelledImage, read_picture};

/// Whether `folder` has a split with a folder of a class: others too may have a folder named `test`.
pub(super) fn are_in(folder: &Path) -> bool {
    [Cifar10Split::Train, Cifar10Split::Test]
        .iter()
        .any(|split| Cifar10::CLASSES.iter().any(|class| folder.join(split.name()).join(class).is_dir()))
}

pub(super) fn read(folder: &Path, split: Cifar10Split) -> Result<Vec<LabelledImage>> {
    let root = folder.join(split.name());
    if !root.is_dir() {
        let split = split.name();
        let fault = format!(
            "has neither a folder {split} of pictures ({split}/CLASS/*.png) nor batches of CIFAR-10's binary version"
        );
        return Err(files::about(ErrorKind::NotFound, folder, fault));
    }
    for name in files::names(&root, MOST_IMAGES)? {
        let (path, name) = (root.join(&name), name.to_string_lossy());
        if path.is_dir() && !Cifar10::CLASSES.contains(&name.as_ref()) {
            return Err(Error::unknown_name("class of CIFAR-10", &name, Cifar10::CLASSES)
                .context(format!("`{}` is not the folder of a class", path.display()))
                .at(path.display()));
        }
    }
    let mut images = Vec::new();
    for (label, class) in Cifar10::CLASSES.iter().enumerate() {
        let folder = root.join(class);
        let mut names = if folder.is_dir() { files::names(&folder, MOST_IMAGES)? } else { Vec::new() };
        names.retain(|name| name.as_encoded_bytes().to_ascii_lowercase().ends_with(b".png"));
        if names.is_empty() {
            let fault = "has no .png pictures; every class of CIFAR-10 needs at least one";
            return Err(files::about(ErrorKind::NotFound, &folder, fault));
        }
        if images.len() + names.len() > MOST_IMAGES {
            let fault = format!("has more than {MOST_IMAGES} pictures, the most of a split of CIFAR-10");
            return Err(files::corrupt(&root, fault));
        }
        for name in names {
            let path = folder.join(name);
            let image = read_picture(&path)?;
            let (width, height) = image.size();
            if (width, height) != (Cifar10::SIDE, Cifar10::SIDE) {
                let fault = format!("has {width} x {height} pixels, but CIFAR-10's pictures have 32 x 32");
                return Err(files::corrupt(&path, fault));
            }
            images.push(LabelledImage { image, label });
        }
    }
    Ok(images)
}
