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
        return Err(Error::new(
            ErrorKind::Corrupt,
            format!(
                "`{}` has neither a folder {split} of pictures ({split}/CLASS/*.png) nor batches of CIFAR-10's binary version.",
                folder.display(),
                split = split.name()
            ),
        ));
    }
    for name in files::names(&root, MOST_IMAGES)? {
        let (path, name) = (root.join(&name), name.to_string_lossy());
        if path.is_dir() && !Cifar10::CLASSES.contains(&name.as_ref()) {
            return Err(Error::unknown_name("class of CIFAR-10", &name, Cifar10::CLASSES)
                .context(format!("`{}` is not the folder of a class", path.display())));
        }
    }
    let mut images = Vec::new();
    for (label, class) in Cifar10::CLASSES.iter().enumerate() {
        let folder = root.join(class);
        let mut names = if folder.is_dir() { files::names(&folder, MOST_IMAGES)? } else { Vec::new() };
        names.retain(|name| name.as_encoded_bytes().to_ascii_lowercase().ends_with(b".png"));
        if names.is_empty() {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!("`{}` has no .png pictures; every class of CIFAR-10 needs at least one.", folder.display()),
            ));
        }
        if images.len() + names.len() > MOST_IMAGES {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!("`{}` has more than {MOST_IMAGES} pictures, the most of a split of CIFAR-10.", root.display()),
            ));
        }
        for name in names {
            let path = folder.join(name);
            let image = read_picture(&path)?;
            if (image.width(), image.height()) != (Cifar10::SIDE, Cifar10::SIDE) {
                return Err(Error::new(
                    ErrorKind::Corrupt,
                    format!(
                        "`{}` has {} x {} pixels, but CIFAR-10's pictures have 32 x 32.",
                        path.display(),
                        image.width(),
                        image.height()
                    ),
                ));
            }
            images.push(LabelledImage { image, label });
        }
    }
    Ok(images)
}
