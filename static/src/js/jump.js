// jump
